"""Looking without touching: what serves, which releases there are, what containers write, what the journals tell."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shipper.deployment import ignore
from shipper.errors import ReleaseNotFound
from shipper.events import Tell
from shipper.mask import Mask
from shipper.model import Container, Observed, PastDeploy, Serving
from shipper.observe import observe_all, serving_of
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


async def status(project: Project, *, tell: Tell = ignore) -> tuple[Serving, ...]:
    """What serves, for each host and role of the config and each role that still runs. Raises ShipperError."""
    async with connected(project, tell) as worlds:
        hosts = await observe_all(project, worlds, None)
    found = {(row.host_name, row.role_name): row for row in serving_of(hosts)}
    wanted = [
        (host_name, name)
        for name, role in project.config.roles.items()
        for host_name in role.hosts
        if project.means_role(name) and host_name in hosts
    ]
    absent = {key: Serving(host_name=key[0], role_name=key[1], container=None) for key in wanted}
    left_over = [
        row
        for key, row in found.items()
        if key not in absent and project.means_role(row.role_name) and (row.container or row.stopped)
    ]
    return (*(found.get(key, row) for key, row in absent.items()), *left_over)


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
    """The deploys, rollbacks, restarts, stops and starts that the journals tell of, the oldest first.

    Raises ShipperError.
    """
    async with connected(project, tell) as worlds:
        journals = await together({name: world.journal.read() for name, world in worlds.items()})
    past = [deploy for name, entries in journals.items() for deploy in past_deploys(name, entries)]
    return tuple(sorted(past, key=lambda deploy: (deploy.begun_at, deploy.host_name)))


def past_deploys(host_name: str, entries: tuple[dict[str, Any], ...]) -> list[PastDeploy]:
    """PURE. An entry that is not as we write them is passed over."""
    # the id alone is not enough: a stop makes no container, and the next command may come in the same second
    ended = [entry for entry in entries if entry.get("event") == "outcome"]
    outcomes = {(entry.get("deploy"), entry.get("command")): str(entry.get("kind")) for entry in ended}
    return [
        PastDeploy(
            host_name=host_name,
            deploy_id=str(entry["deploy"]),
            begun_at=datetime.fromisoformat(entry["at"]),
            performer=str(entry["performer"]),
            origin=str(entry.get("origin", "")),
            version=str(entry.get("version", "")),
            title=str(entry["title"]),
            outcome=outcomes.get((entry["deploy"], entry.get("command")), "unfinished"),
        )
        for entry in entries
        if entry.get("event") == "deploy" and {"deploy", "at", "performer", "title"} <= entry.keys()
    ]


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
