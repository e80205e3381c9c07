"""Make the network that the containers of the service share."""

from dataclasses import dataclass

from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Network(Step):
    name = "network"
    network_name: str

    @property
    def detail(self) -> str:
        return self.network_name

    async def do(self, world: World, report: Report) -> str:
        await world.engine.create_network(self.network_name)
        return ""

    async def is_done(self, world: World) -> bool:
        return await world.engine.has_network(self.network_name)
