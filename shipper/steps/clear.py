"""Remove a container that nobody needs any more. Its volumes stay."""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import NotThere
from shipper.model.container import SERVES_NOT
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Clear(Step):
    name = "remove"
    container_name: str
    stop_timeout: float

    @property
    def detail(self) -> str:
        return self.container_name

    async def do(self, world: World, report: Report) -> str:
        with suppress(NotThere):
            await world.engine.set_restart_policy(self.container_name, SERVES_NOT)
            await world.engine.stop(self.container_name, self.stop_timeout)
            await world.engine.remove(self.container_name)
        return ""

    async def is_done(self, world: World) -> bool:
        try:
            await world.engine.container(self.container_name)
        except NotThere:
            return True
        return False
