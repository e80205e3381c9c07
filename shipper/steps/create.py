"""Create the new container, which does not run yet: its role's turn comes when those before it have had theirs."""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import NotThere
from shipper.model.specification import ContainerSpec
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Create(Step):
    name = "create"
    spec: ContainerSpec

    @property
    def detail(self) -> str:
        return self.spec.name

    async def do(self, world: World, report: Report) -> str:
        await world.engine.create(self.spec)
        return ""

    async def is_done(self, world: World) -> bool:
        """Its files are put into it by a second request, which may not have come."""
        with suppress(NotThere):
            return bool(await world.engine.container(self.spec.name)) and not self.spec.files
        return False
