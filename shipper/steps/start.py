"""Start the new container. Nobody relies on it yet: its restart policy is `no`."""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import NotThere
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Start(Step):
    name = "start"
    container_name: str
    stop_timeout: float

    @property
    def detail(self) -> str:
        return self.container_name

    async def do(self, world: World, report: Report) -> str:
        await world.engine.start(self.container_name)
        return self.container_name

    async def is_done(self, world: World) -> bool:
        with suppress(NotThere):
            return (await world.engine.container(self.container_name)).is_running
        return False

    async def undo(self, world: World) -> str:
        """It stays, stopped, so that one can look at it. Whether it runs is not asked: it may just be starting."""
        with suppress(NotThere):
            await world.engine.stop(self.container_name, self.stop_timeout)
            return f"stopped {self.container_name}"
        return ""
