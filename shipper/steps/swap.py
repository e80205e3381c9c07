"""The swap: the new container becomes the one that serves, and the old one does no more.

The restart policy marks who serves: `always` for the new one first, then `no` for the old one, so that at every moment
the host comes back from a reboot with at least one container that passed its gate.
"""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import GateFailed, NotThere
from shipper.model import SERVES, SERVES_NOT
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Swap(Step):
    name = "swap"
    container_name: str
    old_names: tuple[str, ...]
    """The last one is the one that serves."""

    @property
    def detail(self) -> str:
        return f"{self.container_name} serves" + (f" instead of {', '.join(self.old_names)}" if self.old_names else "")

    async def do(self, world: World, report: Report) -> str:
        await world.engine.set_restart_policy(self.container_name, SERVES)
        if not (await world.engine.container(self.container_name)).is_running:
            raise GateFailed(f"{self.container_name} passed its gate, but does not run any more")
        for name in self.old_names:
            await world.engine.set_restart_policy(name, SERVES_NOT)
        return ""

    async def is_done(self, world: World) -> bool:
        containers = {container.name: container for container in await world.engine.containers()}
        new = containers.get(self.container_name)
        olds = [containers[name] for name in self.old_names if name in containers]
        return new is not None and new.is_running and new.is_committed and not any(old.is_committed for old in olds)

    async def undo(self, world: World) -> str:
        for name in self.old_names[-1:]:
            with suppress(NotThere):
                await world.engine.set_restart_policy(name, SERVES)
                if not (await world.engine.container(name)).is_running:  # Docker restarted, and it had no policy
                    await world.engine.start(name)
        with suppress(NotThere):
            await world.engine.set_restart_policy(self.container_name, SERVES_NOT)
        return f"{self.old_names[-1]} serves again" if self.old_names else ""
