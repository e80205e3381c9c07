"""Get the image onto the server."""

from dataclasses import dataclass

from shipper.model.image import short_image
from shipper.steps import Step, making_room
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Ship(Step):
    name = "ship"
    image_name: str
    prune: Step | None = None
    """Goes first where the disk is too full."""

    @property
    def detail(self) -> str:
        return short_image(self.image_name)

    async def do(self, world: World, report: Report) -> str:
        return await making_room(lambda: world.images.ship(self.image_name, world, report), self.prune, world, report)

    async def is_done(self, world: World) -> bool:
        sent, arrived = await world.images.find(self.image_name), await world.engine.image(self.image_name)
        return sent is not None and arrived is not None and arrived.same_as(sent)
