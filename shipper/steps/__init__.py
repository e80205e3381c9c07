"""The verbs of a deploy, one per file: the listing of this folder is what a deploy may do."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from shipper.world import Report, World

HERE = "here"
"""The host name of what is done on this machine."""


@dataclass(frozen=True, kw_only=True)
class Step(ABC):
    """Something to do, with the reason why. It does not know the other steps."""

    name: ClassVar[str]
    host_name: str
    role_name: str = ""
    because: str = ""

    @property
    @abstractmethod
    def detail(self) -> str:
        """What it will do, for the plan."""

    @abstractmethod
    async def do(self, world: World, report: Report) -> str:
        """Does it; returns what there is to say of it. Raises ShipperError."""

    async def undo(self, world: World) -> str:
        """Takes back what `do` did, be it all, a part or nothing; returns what there is to say. Raises ShipperError."""
        return ""

    def __str__(self) -> str:
        because = f", because {self.because}" if self.because else ""
        return f"{self.name:<8} {self.detail}{because}"


async def stop_for_good(world: World, container_name: str, timeout: float) -> str:
    """Stops a container so that it does not come back at boot, as `always` would have it; says how it ended."""
    await world.engine.set_restart_policy(container_name, "no")
    await world.engine.stop(container_name, timeout)
    killed = (await world.engine.container(container_name)).exit_code == 137
    return f"{container_name} was killed: it did not end within {timeout:g} s of SIGTERM" if killed else container_name
