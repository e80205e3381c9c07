"""Looking without touching: which releases there are, what containers write, what the journals tell."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shipper.deployment import ignore
from shipper.errors import ReleaseNotFound
from shipper.events import Tell
from shipper.mask import Mask
from shipper.model import Container, Holder, Observed, PastDeploy
from shipper.observe import observe_all
from shipper.project import Project
from shipper.session import connected
from shipper.tasks import task_group, together
from shipper.world import World


@dataclass(frozen=True, kw_only=True)
class Logs:
    """The last lines of one container."""

    host_name: str
    container: Container
    lines: tuple[str, ...]


async def list_releases(project: Project, *, tell: Tell = ignore) -> dict[str, Observed]:
    """What each host knows of its releases, and which of them serves. Raises ShipperError."""
    async with connected(project, tell) as worlds:
        return await observe_all(project, worlds, None)


async def logs(
    project: Project, *, release_number: int | None = None, lines: int = 100, tell: Tell = ignore
) -> tuple[Logs, ...]:
    """The last lines of the newest container of each role on each host, secrets masked. Raises ShipperError."""
    mask = Mask()
    async with connected(project, tell) as worlds:
        hosts = await observe_all(project, worlds, None)
        for host_name, host in hosts.items():
            for number in {c.release_number for c in _newest(host, project, release_number)}:
                payload = await worlds[host_name].state.payload(number)
                mask.add(payload.secrets.values() if payload else ())
        async with task_group() as reading:
            tasks = [
                reading.create_task(_logs_of(worlds[host_name], container, lines, mask))
                for host_name, host in hosts.items()
                for container in _newest(host, project, release_number)
            ]
    if not tasks:
        raise ReleaseNotFound(
            "There is no container of this kind on the servers.", next="shipper releases lists what was."
        )
    return tuple(task.result() for task in tasks)


async def history(project: Project, *, tell: Tell = ignore) -> tuple[PastDeploy, ...]:
    """The deploys and rollbacks that the journals tell of, the oldest first. Raises ShipperError."""
    async with connected(project, tell) as worlds, task_group() as reading:
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
    outcomes = {entry.get("deploy"): entry for entry in entries if entry.get("event") == "outcome"}
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
            **_ended(entry, outcomes.get(entry["deploy"]), holder),
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
    return {"outcome": str(outcome.get("kind")), "seconds": passed.total_seconds() if passed is not None else None}


async def _logs_of(world: World, container: Container, lines: int, mask: Mask) -> Logs:
    read = await world.engine.logs(container.name, lines)
    return Logs(host_name=world.host_name, container=container, lines=tuple(map(mask, read)))


def _newest(host: Observed, project: Project, release_number: int | None) -> list[Container]:
    """The newest container of each role, whether it serves, failed or is stopped."""
    newest: dict[str, Container] = {}
    for container in sorted(host.containers, key=lambda container: container.deploy_id):
        if project.means_role(container.role_name) and release_number in (None, container.release_number):
            newest[container.role_name] = container
    return list(newest.values())
