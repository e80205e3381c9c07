"""The verbs of a deploy, one per file: the listing of this folder is what a deploy may do."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from shipper.errors import DiskFull, EngineError
from shipper.model.container import Container
from shipper.world import Report, World

HERE = "here"
"""The host name of what is done on this machine."""

_LOG_LINES = 20
_FREE_SOME = "Free some there (docker system df shows what takes it; docker image prune), or lower retain."


@dataclass(frozen=True, kw_only=True)
class Step(ABC):
    """Something to do, with the reason why. It does not know the other steps."""

    if_failed: ClassVar[str] = "the next deploy tries again"
    """What becomes of it where it fails after the commit."""
    host_name: str
    role_name: str = ""
    because: str = ""

    @property
    @abstractmethod
    def name(self) -> str:
        """The verb."""

    @property
    @abstractmethod
    def detail(self) -> str:
        """What it will do, for the plan."""

    @property
    def noted(self) -> Mapping[str, Any]:
        """What the journal is told of it."""
        return {"step": self.name, "host_name": self.host_name, "role_name": self.role_name}

    @abstractmethod
    async def do(self, world: World, report: Report) -> str:
        """Does it; returns what there is to say of it. Raises ShipperError."""

    async def is_done(self, world: World) -> bool:
        """Whether its effect is there, for when `do` failed: an answer that was lost is no failure."""
        return False

    async def undo(self, world: World) -> str:
        """Takes back what `do` did, be it all, a part or nothing; returns what there is to say. Raises ShipperError."""
        return ""

    def __str__(self) -> str:
        because = f", because {self.because}" if self.because else ""
        return f"{self.name:<8} {self.detail}{because}"


def how_it_ended(container: Container, timeout: float) -> str:
    if container.exit_code == 137:
        return f"{container.name} was killed: it did not end within {timeout:g} s of SIGTERM"
    return container.name


async def making_room(bring: Callable[[], Awaitable[str]], prune: Step | None, world: World, report: Report) -> str:
    """Brings an image; where the disk is too full, `prune` goes first, as it would have gone in the end."""
    try:
        return await bring()
    except DiskFull as full:
        if not prune:
            raise DiskFull(full.what, next=_FREE_SOME) from None
    pruned = await prune.do(world, report)
    try:
        return f"{await bring()}; {pruned} pruned first, since the disk was full"
    except DiskFull as full:
        raise DiskFull(f"{full.what} That is after pruning {pruned}.", next=_FREE_SOME) from None


async def last_lines(world: World, container_name: str) -> tuple[str, ...]:
    """What a container wrote last, to tell why it failed; nothing where its log driver cannot be read."""
    with suppress(EngineError):
        return await world.engine.logs(container_name, _LOG_LINES)
    return ()
