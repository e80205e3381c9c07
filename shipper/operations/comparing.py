"""What a plan would change of what serves, and whether it is the plan that somebody has confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shipper import git
from shipper.env.mask import Mask
from shipper.errors import PlanChanged
from shipper.observe import Hosts, Worlds, observe_all
from shipper.planning.changes import Commits, Payloads, changes_of, replaced
from shipper.planning.plan import Plan
from shipper.planning.versions import told_of
from shipper.planning.wanted import Wanted
from shipper.project import Project
from shipper.tasks import task_group, together


@dataclass(frozen=True, kw_only=True)
class Looked:
    """All that is read before anything is decided."""

    hosts: Hosts
    payloads: Mapping[str, Payloads] | None
    """Of all releases that each host knows, for those who compare; a deploy that nobody confirmed needs none."""


async def look(
    project: Project, worlds: Worlds, mask: Mask, image_name: str | None, *, list_images: bool = False, compare: bool
) -> Looked:
    async with task_group() as reading:
        looking = reading.create_task(observe_all(project, worlds, image_name, list_images=list_images))
        comparing = reading.create_task(_payloads(worlds, mask)) if compare else None
    return Looked(hosts=looking.result(), payloads=comparing.result() if comparing else None)


async def _payloads(worlds: Worlds, mask: Mask) -> dict[str, Payloads]:
    found = await together({name: world.state.payloads() for name, world in worlds.items()})
    for of_host in found.values():
        for payload in of_host.values():
            mask.add(payload.secrets.values())
    return dict(found)


def compared(made: Plan, wanted: Wanted, looked: Looked, project: Project, mask: Mask) -> Plan:
    """With its changes, where they can be told."""
    if looked.payloads is None:
        return made
    commits = {version: _commits(project, wanted, version, looked.hosts) for version in _versions(wanted, looked.hosts)}
    return replace(made, changes=changes_of(wanted, looked.hosts, looked.payloads, commits, mask))


def _versions(wanted: Wanted, hosts: Hosts) -> set[str]:
    serving = (release for _, _, release in replaced(wanted.payloads, hosts, wanted.role_names) if release)
    return {release.version for release in serving if release.version != wanted.release.version}


def _commits(project: Project, wanted: Wanted, version: str, hosts: Hosts) -> Commits:
    """Between the commit of a version that serves and the one that is wanted; what is not committed is no commit."""
    if project.config.fixed_version:
        return Commits()
    if project.files is not None or not project.revision.commit:  # there is no Git to ask
        old, new = (told_of(f"{project.config.image}:{of}", hosts) for of in (version, wanted.release.version))
        return Commits(old=old, new=new)
    old, new = (commit.partition("-")[0] for commit in (version, wanted.release.version))
    return Commits(added=git.subjects(project.root, old, new), removed=git.subjects(project.root, new, old))


def refuse_another_plan(made: Plan, expected: str | None) -> None:
    """Raises PlanChanged where this is not the plan that was confirmed."""
    if expected is None or made.fingerprint == expected:
        return
    raise PlanChanged(
        f"This is not the plan that was confirmed ({expected}). It is {made.fingerprint} now: {made.title}",
        now="Nothing was done.",
        next="Look at the new plan, and confirm that one.",
        plan=made,
    )
