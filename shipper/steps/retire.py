"""Stop a container that serves no more. It is kept, stopped, for its logs and to hold its image."""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import NotThere
from shipper.steps import Step, stop_for_good
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Retire(Step):
    name = "retire"
    container_name: str
    timeout: float

    @property
    def detail(self) -> str:
        return self.container_name

    async def do(self, world: World, report: Report) -> str:
        with suppress(NotThere):
            return await stop_for_good(world, self.container_name, self.timeout)
        return f"{self.container_name} is gone already"
