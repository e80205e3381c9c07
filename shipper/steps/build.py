"""Build the image of a commit, on this machine."""

from dataclasses import dataclass

from shipper.model.image import short_image
from shipper.steps import HERE, Step
from shipper.world import Progress, Report, World


@dataclass(frozen=True, kw_only=True)
class Build(Step):
    name = "build"
    host_name: str = HERE
    image_name: str
    platform: str

    @property
    def detail(self) -> str:
        return f"{short_image(self.image_name)} for {self.platform}"

    async def do(self, world: World, report: Report) -> str:
        image = await world.images.build(
            self.image_name,
            self.platform,
            lambda line: report(Progress(done=0, total=0, unit="line", detail=line)),
        )
        return f"{len(image.layers)} layers, {image.size / 1e6:.1f} MB"
