"""Write down what the release is, before anything of it runs: a rollback to it needs nothing else but its image."""

from dataclasses import dataclass, replace

from shipper.errors import ImageError
from shipper.model import Payload, Release, ReleaseOutcome
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class WriteRelease(Step):
    name = "release"
    release: Release
    payload: Payload

    @property
    def detail(self) -> str:
        return f"record {self.release.number} of {self.release.short_version}"

    async def do(self, world: World, report: Report) -> str:
        image = await world.engine.image(self.release.image)
        if not image:
            raise ImageError(f"{world.host_name}: {self.release.image} is not there any more.")
        await world.state.write(replace(self.release, image_id=image.id), self.payload)
        return ""

    async def is_done(self, world: World) -> bool:
        return await self._record(world) is not None

    async def undo(self, world: World) -> str:
        if release := await self._record(world):
            await world.state.update(replace(release, outcome=ReleaseOutcome.FAILED))
        return ""

    async def _record(self, world: World) -> Release | None:
        return next((r for r in await world.state.releases() if r.number == self.release.number), None)
