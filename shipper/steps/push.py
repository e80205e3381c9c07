"""Put the image of this machine into the registry."""

from dataclasses import dataclass

from shipper.model.image import short_image
from shipper.steps import HERE, Step
from shipper.world import Progress, Report, World


@dataclass(frozen=True, kw_only=True)
class Push(Step):
    name = "push"
    host_name: str = HERE
    image_name: str
    registry_name: str
    as_latest: bool
    """Also under the tag `latest`."""

    @property
    def detail(self) -> str:
        return f"{short_image(self.image_name)}{' and latest' * self.as_latest} to {self.registry_name}"

    async def do(self, world: World, report: Report) -> str:
        assert world.registry
        return await world.registry.push(
            self.image_name,
            world,
            lambda line: report(Progress(done=0, total=0, unit="line", detail=line)),
            as_latest=self.as_latest,
        )
