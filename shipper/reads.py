"""Looking without touching: what serves, which releases there are, what the journals tell."""

from datetime import datetime
from typing import Any

from shipper.deployment import ignore
from shipper.events import Tell
from shipper.model import Observed, PastDeploy, Serving
from shipper.observe import observe_all, serving_of
from shipper.project import Project
from shipper.session import connected
from shipper.tasks import together


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
