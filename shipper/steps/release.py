"""Write down what the release is, before anything of it runs: a rollback to it needs nothing else but its image."""

from dataclasses import dataclass, replace

from shipper.errors import ImageError
from shipper.model.release import Payload, Release, ReleaseOutcome
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class WriteRelease(Step):
    name = "release"
    release: Release
    payload: Payload
    image_id: str = ""
    """Empty where the image has yet to arrive."""

    @property
    def detail(self) -> str:
        return f"record {self.release.number} of {self.release.short_version}"

    async def do(self, world: World, report: Report) -> str:
        await world.state.write(replace(self.release, image_id=await self.known_image_id(world)), self.payload)
        return ""

    async def known_image_id(self, world: World) -> str:
        """Also of one that arrived with this deploy. Raises ShipperError."""
        if self.image_id:
            return self.image_id
        image = await world.engine.image(self.release.image)
        if not image:
            raise ImageError(f"{world.host_name}: {self.release.image} is not there any more.")
        return image.id

    async def is_done(self, world: World) -> bool:
        return any(release.number == self.release.number for release in await world.state.releases())

    async def undo(self, world: World) -> str:
        if await self.is_done(world):
            await world.state.conclude(self.release.number, ReleaseOutcome.FAILED)
        return ""
