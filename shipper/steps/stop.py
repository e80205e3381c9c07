"""Stop the old container before the new one starts: for roles that must not run twice."""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import NotThere
from shipper.steps import Step, stop_for_good
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Stop(Step):
    name = "stop"
    container_name: str
    timeout: float
    was_serving: bool

    @property
    def detail(self) -> str:
        return self.container_name

    async def do(self, world: World, report: Report) -> str:
        return await stop_for_good(world, self.container_name, self.timeout)

    async def undo(self, world: World) -> str:
        if not self.was_serving:
            return ""
        with suppress(NotThere):
            if not (await world.engine.container(self.container_name)).is_running:
                await world.engine.start(self.container_name)
            await world.engine.set_restart_policy(self.container_name, "always")
            return f"started {self.container_name} again"
        return f"{self.container_name} is gone"
