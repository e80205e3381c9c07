"""The swap: the new container is the one that serves.

The restart policy marks who serves: the newest with `always`. The old one keeps its own until all roles on all hosts
have swapped, so that at every moment the host comes back from a reboot with a container that passed its gate, and
taking back is to unmark the new one.
"""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import GateFailed, NotThere
from shipper.model.container import SERVES, SERVES_NOT
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
        # afterwards: what ended before it had the mark is not started again
        if not (await world.engine.container(self.container_name)).is_running:
            raise GateFailed(f"{self.container_name} passed its gate, but does not run any more")
        return ""

    async def is_done(self, world: World) -> bool:
        with suppress(NotThere):
            container = await world.engine.container(self.container_name)
            return container.is_running and container.is_committed
        return False

    async def undo(self, world: World) -> str:
        with suppress(NotThere):
            await world.engine.set_restart_policy(self.container_name, SERVES_NOT)
        return f"{self.old_names[-1]} serves again" if self.old_names else ""
