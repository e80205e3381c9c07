"""Create and start the new container. Nobody relies on it yet: its restart policy is `no`."""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import NotThere
from shipper.model import ContainerSpec
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Start(Step):
    name = "start"
    spec: ContainerSpec

    @property
    def detail(self) -> str:
        return self.spec.name

    async def do(self, world: World, report: Report) -> str:
        await world.engine.create(self.spec)
        await world.engine.start(self.spec.name)
        return self.spec.name

    async def is_done(self, world: World) -> bool:
        with suppress(NotThere):
            return (await world.engine.container(self.spec.name)).is_running
        return False

    async def undo(self, world: World) -> str:
        """It stays, stopped, so that one can look at it. Whether it runs is not asked: it may just be starting."""
        with suppress(NotThere):
            await world.engine.stop(self.spec.name, self.spec.stop_timeout)
            return f"stopped {self.spec.name}"
        return ""
