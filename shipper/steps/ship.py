"""Get the image onto the server."""

from dataclasses import dataclass

from shipper.model import short_image
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Ship(Step):
    name = "ship"
    image_name: str

    @property
    def detail(self) -> str:
        return short_image(self.image_name)

    async def do(self, world: World, report: Report) -> str:
        return await world.images.ship(self.image_name, world, report)

    async def is_done(self, world: World) -> bool:
        sent, arrived = await world.images.find(self.image_name), await world.engine.image(self.image_name)
        return sent is not None and arrived is not None and arrived.same_as(sent)
