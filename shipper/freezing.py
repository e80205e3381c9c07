"""The freeze, which refuses deploys until it is lifted; and the history that the journals tell."""

from datetime import datetime, timedelta
from typing import Any

from shipper.deployment import ignore
from shipper.events import Tell
from shipper.model import Freeze, PastDeploy
from shipper.observe import Worlds
from shipper.project import Project
from shipper.session import connected
from shipper.tasks import together


async def freeze(project: Project, reason: str, *, seconds: float | None = None, tell: Tell = ignore) -> Freeze:
    """Refuses deploys on all hosts, for `seconds` or until it is lifted. Raises ShipperError."""
    async with connected(project, tell) as worlds:
        since = next(iter(worlds.values())).clock.now()
        until = since + timedelta(seconds=seconds) if seconds else None
        made = Freeze(performer=project.performer, reason=reason, since=since, until=until)
        await _set(worlds, made)
    return made


async def unfreeze(project: Project, *, tell: Tell = ignore) -> None:
    """Lifts the freeze on all hosts, if there is one. Raises ShipperError."""
    async with connected(project, tell) as worlds:
        await _set(worlds, None)


async def freezes(project: Project, *, tell: Tell = ignore) -> dict[str, Freeze]:
    """The freeze that holds now, for each host that has one. Raises ShipperError."""
    async with connected(project, tell) as worlds:
        found = await together({name: world.state.freeze() for name, world in worlds.items()})
        now = next(iter(worlds.values())).clock.now()
    return {name: freeze for name, freeze in found.items() if freeze and freeze.holds(now)}


async def history(project: Project, *, tell: Tell = ignore) -> tuple[PastDeploy, ...]:
    """The deploys and rollbacks that the journals tell of, the oldest first. Raises ShipperError."""
    async with connected(project, tell) as worlds:
        journals = await together({name: world.journal.read() for name, world in worlds.items()})
    past = [deploy for name, entries in journals.items() for deploy in past_deploys(name, entries)]
    return tuple(sorted(past, key=lambda deploy: (deploy.begun_at, deploy.host_name)))


def past_deploys(host_name: str, entries: tuple[dict[str, Any], ...]) -> list[PastDeploy]:
    """PURE. An entry that is not as we write them is passed over."""
    outcomes = {entry.get("deploy"): str(entry.get("kind")) for entry in entries if entry.get("event") == "outcome"}
    return [
        PastDeploy(
            host_name=host_name,
            deploy_id=str(entry["deploy"]),
            begun_at=datetime.fromisoformat(entry["at"]),
            performer=str(entry["performer"]),
            origin=str(entry.get("origin", "")),
            version=str(entry.get("version", "")),
            title=str(entry["title"]),
            outcome=outcomes.get(entry["deploy"], "unfinished"),
        )
        for entry in entries
        if entry.get("event") == "deploy" and {"deploy", "at", "performer", "title"} <= entry.keys()
    ]


async def _set(worlds: Worlds, freeze: Freeze | None) -> None:
    await together({name: world.state.set_freeze(freeze) for name, world in worlds.items()})
