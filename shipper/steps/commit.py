"""Write down that the release serves. All of its hosts and roles have swapped: from here on there is only forward."""

from dataclasses import dataclass, replace

from shipper.model import Release, ReleaseOutcome
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Commit(Step):
    name = "commit"
    release_number: int

    @property
    def detail(self) -> str:
        return f"release {self.release_number}"

    async def do(self, world: World, report: Report) -> str:
        release = await self._record(world)
        if release and release.outcome is not ReleaseOutcome.DEPLOYED:
            await world.state.update(replace(release, outcome=ReleaseOutcome.DEPLOYED))
        return ""

    async def is_done(self, world: World) -> bool:
        release = await self._record(world)
        return release is not None and release.outcome is ReleaseOutcome.DEPLOYED

    async def _record(self, world: World) -> Release | None:
        return next((r for r in await world.state.releases() if r.number == self.release_number), None)
