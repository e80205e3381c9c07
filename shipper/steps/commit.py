"""Write down that the release serves. All of its hosts and roles have swapped: from here on there is only forward."""

from dataclasses import dataclass

from shipper.model.release import ReleaseOutcome
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Commit(Step):
    name = "commit"
    release_number: int
    irreversible: str = ""
    """Why there is no way back from here."""

    @property
    def detail(self) -> str:
        no_way_back = f", from which there is no way back: {self.irreversible}" if self.irreversible else ""
        return f"release {self.release_number}{no_way_back}"

    async def do(self, world: World, report: Report) -> str:
        await world.state.conclude(self.release_number, ReleaseOutcome.DEPLOYED)
        return ""

    async def is_done(self, world: World) -> bool:
        releases = await world.state.releases()
        return any(r.number == self.release_number and r.outcome is ReleaseOutcome.DEPLOYED for r in releases)
