"""Let the server get the image from the registry."""

from dataclasses import dataclass

from shipper.model.image import short_image
from shipper.steps import Step, making_room
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Pull(Step):
    name = "pull"
    image_name: str
    digest: str | None
    """None while it is not in the registry yet."""
    prune: Step | None = None
    """Goes first where the disk is too full."""

    @property
    def detail(self) -> str:
        return f"{short_image(self.image_name)}{f' at {self.digest[:19]}' if self.digest else ''}"

    async def do(self, world: World, report: Report) -> str:
        registry = world.registry
        assert registry
        return await making_room(
            lambda: registry.pull(self.image_name, self.digest, world, report), self.prune, world, report
        )

    async def is_done(self, world: World) -> bool:
        return await world.engine.image(self.image_name) is not None
