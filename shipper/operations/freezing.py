"""The freeze, which refuses deploys until it is lifted."""

from datetime import datetime, timedelta

from shipper.env.mask import masking
from shipper.errors import UsageError
from shipper.events import Tell, Warned
from shipper.hosts.session import looking
from shipper.model.records import Freeze
from shipper.notify.announcement import of_freeze
from shipper.notify.notices import notifying
from shipper.observe import Worlds, freezes_that_hold, now
from shipper.operations.deployment import ignore
from shipper.planning.facts import facts_of
from shipper.project import Project
from shipper.tasks import together


async def freeze(project: Project, reason: str, *, seconds: float | None = None, tell: Tell = ignore) -> Freeze:
    """Refuses deploys on all hosts that are meant, for `seconds` or until it is lifted. Raises ShipperError."""
    _refuse_roles(project)
    with masking(tell) as (tell, mask):
        async with notifying(project, tell, mask) as notices, looking(project, tell) as worlds:
            since = now(worlds)
            until = None if seconds is None else _later(since, seconds)
            made = Freeze(performer=project.performer, reason=reason, since=since, until=until)
            for name, before in (await freezes_that_hold(worlds)).items():
                whose = f"{before.until_text} of {before.performer}: {before.reason}"
                tell(Warned(text=f"{name}: this replaces the freeze{whose}"))
            await _set(worlds, made)
            notices.announce(of_freeze(facts_of(project, "lock"), made, since))
        return made


async def unfreeze(project: Project, *, tell: Tell = ignore) -> dict[str, Freeze]:
    """Lifts the freeze on all hosts that are meant; what held, for each host that had one. Raises ShipperError."""
    _refuse_roles(project)
    with masking(tell) as (tell, mask):
        async with notifying(project, tell, mask) as notices, looking(project, tell) as worlds:
            lifted = await freezes_that_hold(worlds)
            await _set(worlds, None)
            notices.announce(of_freeze(facts_of(project, "unlock"), None, now(worlds)))
        return lifted


async def freezes(project: Project, *, tell: Tell = ignore) -> dict[str, Freeze]:
    """The freeze that holds now, for each host that has one. Raises ShipperError."""
    async with looking(project, tell) as worlds:
        return await freezes_that_hold(worlds)


def _later(since: datetime, seconds: float) -> datetime:
    try:
        return since + timedelta(seconds=seconds)
    except OverflowError:
        raise UsageError("A freeze cannot end after the year 9999.", now="Nothing was done.") from None


def _refuse_roles(project: Project) -> None:
    if project.role_names:
        raise UsageError(
            "A freeze is of a whole host, not of a role.", now="Nothing was done.", next="Leave out --role."
        )


async def _set(worlds: Worlds, freeze: Freeze | None) -> None:
    await together({name: world.state.set_freeze(freeze) for name, world in worlds.items()})
