"""Looking without touching: which releases there are, what the journals tell."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from shipper.events import Tell
from shipper.hosts.session import looking
from shipper.model.observed import Observed
from shipper.model.outcome import INTERRUPTED
from shipper.model.records import Holder, PastDeploy
from shipper.model.status import Disk
from shipper.observe import observe_all
from shipper.operations.deployment import ignore
from shipper.operations.health import disk_of
from shipper.project import Project
from shipper.tasks import task_group, together


async def list_releases(project: Project, *, tell: Tell = ignore) -> dict[str, Observed]:
    """What each host knows of its releases, and which of them serves. Raises ShipperError."""
    async with looking(project, tell) as worlds:
        return await observe_all(project, worlds, None)


async def disks(project: Project, *, tell: Tell = ignore) -> dict[str, Disk]:
    """The disk on which each host keeps its images, of those hosts that tell. Raises ShipperError."""
    async with looking(project, tell) as worlds:
        found = await together({name: disk_of(world) for name, world in worlds.items()})
    return {name: disk for name, disk in found.items() if disk}


async def history(project: Project, *, tell: Tell = ignore) -> tuple[PastDeploy, ...]:
    """The deploys, rollbacks, restarts, stops and starts that the journals tell of, the oldest first.

    Raises ShipperError.
    """
    async with looking(project, tell) as worlds, task_group() as reading:
        asked = reading.create_task(together({name: world.journal.read() for name, world in worlds.items()}))
        looked = reading.create_task(together({name: world.journal.holder() for name, world in worlds.items()}))
    holders = looked.result()
    past = [
        deploy
        for name, entries in asked.result().items()
        for deploy in past_deploys(name, entries, project.role_names, holders[name])
    ]
    return tuple(sorted(past, key=lambda deploy: (deploy.begun_at, deploy.host_name)))


def past_deploys(
    host_name: str, entries: Sequence[Mapping[str, Any]], role_names: Collection[str] = (), holder: Holder | None = None
) -> list[PastDeploy]:
    """PURE. Those that did something for these roles, or all; `holder` has the lock now.

    An entry that is not as we write them is passed over.
    """
    # the id alone is not enough: a stop makes no container, and the next command may come in the same second
    outcomes = {
        (entry.get("deploy"), entry.get("command")): entry for entry in entries if entry.get("event") == "outcome"
    }
    meant = {entry.get("deploy") for entry in entries if not role_names or entry.get("role_name") in role_names}
    return [
        PastDeploy(
            host_name=host_name,
            deploy_id=str(entry["deploy"]),
            begun_at=datetime.fromisoformat(entry["at"]),
            performer=str(entry["performer"]),
            origin=str(entry.get("origin", "")),
            version=str(entry.get("version", "")),
            title=str(entry["title"]),
            **_ended(entry, outcomes.get((entry["deploy"], entry.get("command"))), holder),
        )
        for entry in entries
        if entry.get("event") == "deploy"
        and {"deploy", "at", "performer", "title"} <= entry.keys()
        and entry["deploy"] in meant
    ]


def _ended(begun: Mapping[str, Any], outcome: Mapping[str, Any] | None, holder: Holder | None) -> dict[str, Any]:
    if outcome is None:
        with suppress(ValueError, TypeError):  # the holder's clock is that of its entries
            if holder and datetime.fromisoformat(begun["at"]) >= datetime.fromisoformat(holder.since):
                return {"outcome": "under way"}
        return {"outcome": "unfinished"}
    passed = datetime.fromisoformat(outcome["at"]) - datetime.fromisoformat(begun["at"]) if "at" in outcome else None
    return {"outcome": _word(outcome), "seconds": passed.total_seconds() if passed is not None else None}


def _word(outcome: Mapping[str, Any]) -> str:
    """The journal has a rollback as deployed, and an interrupt as failed, also where what served serves again."""
    if outcome.get("kind") == "deployed" and outcome.get("command") == "rollback":
        return "rolled back"
    if outcome.get("kind") == "failed" and outcome.get("exit_code") == INTERRUPTED:
        return "interrupted"
    return str(outcome.get("kind"))
