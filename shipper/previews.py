"""What a deploy would do now, without doing it: `shipper plan` and `shipper env`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from shipper import git
from shipper.changes import Commits, Given, Payloads, changes_of, given, replaced
from shipper.deployment import available_secrets, ignore, payloads_now, require_version, wanted_now
from shipper.events import Tell
from shipper.host_plan import Wanted
from shipper.mask import Mask, masking
from shipper.model import Env, Payload
from shipper.observe import Hosts, Worlds, observe_all
from shipper.plan import Plan, make_plan
from shipper.project import Project
from shipper.session import connected
from shipper.tasks import task_group, together
from shipper.versions import told_of


@dataclass(frozen=True, kw_only=True)
class RoleEnv:
    """What a deploy now would give a role, on those hosts where it is the same."""

    role_name: str
    host_names: tuple[str, ...]
    release_number: int | None
    """Of what serves, which it is compared with."""
    given: tuple[Given, ...]


async def plan_deploy(project: Project, *, tell: Tell = ignore) -> Plan:
    """What `deploy` would do now, and what would change; changes nothing. Raises ShipperError."""
    require_version(project)
    with masking(tell) as (tell, mask):
        available = await available_secrets(project, mask)
        async with connected(project, tell, project.affected_hosts) as worlds:
            hosts, payloads = await _looked(project, worlds, mask)
            wanted = await wanted_now(project, worlds, hosts, available, mask, tell)
        commits = {version: _commits(project, version, hosts) for version in _versions(wanted, hosts)}
        return replace(make_plan(wanted, hosts), changes=changes_of(wanted, hosts, payloads, commits, mask))


async def list_env(project: Project, *, tell: Tell = ignore) -> tuple[RoleEnv, ...]:
    """The names of all variables and files that a deploy now would give, and which change. Raises ShipperError."""
    with masking(tell) as (tell, mask):
        available = await available_secrets(project, mask)
        async with connected(project, tell) as worlds:
            hosts, payloads = await _looked(project, worlds, mask)
            wanted = await payloads_now(project, worlds, hosts, available, mask, ignore)
        return tuple(_envs(project, wanted, hosts, payloads, available))


async def _looked(project: Project, worlds: Worlds, mask: Mask) -> tuple[Hosts, dict[str, Payloads]]:
    async with task_group() as reading:
        looking = reading.create_task(observe_all(project, worlds, project.image, list_images=True))
        reading_all = reading.create_task(together({name: world.state.payloads() for name, world in worlds.items()}))
    payloads = reading_all.result()
    for of_host in payloads.values():
        for payload in of_host.values():
            mask.add(payload.secrets.values())
    return looking.result(), dict(payloads)


def _versions(wanted: Wanted, hosts: Hosts) -> set[str]:
    serving = (release for _, _, release in replaced(wanted.payloads, hosts, wanted.role_names) if release)
    return {release.version for release in serving if release.version != wanted.release.version}


def _commits(project: Project, version: str, hosts: Hosts) -> Commits:
    """Between the commit of a version that serves and ours; what is not committed is no commit."""
    if project.config.fixed_version:
        return Commits()
    if project.files is not None or not project.revision.commit:  # there is no Git to ask
        old_image = f"{project.config.image}:{version}"
        return Commits(old=told_of(old_image, hosts), new=told_of(project.image, hosts))
    old, new = version.partition("-")[0], project.revision.commit
    return Commits(added=git.subjects(project.root, old, new), removed=git.subjects(project.root, new, old))


def _envs(
    project: Project, wanted: Mapping[str, Payload], hosts: Hosts, payloads: Mapping[str, Payloads], available: Env
) -> Iterator[RoleEnv]:
    found: dict[tuple[str, int | None, tuple[Given, ...]], list[str]] = {}
    for host_name, role_name, release in replaced(wanted, hosts, project.role_names):
        after, number = wanted[host_name], release.number if release else None
        absent = {name: secret for name, secret in after.secrets.items() if name not in available}
        before = payloads[host_name].get(number) if number else None
        found.setdefault((role_name, number, given(role_name, before, after, absent)), []).append(host_name)
    for (role_name, number, names), host_names in found.items():
        yield RoleEnv(role_name=role_name, host_names=tuple(host_names), release_number=number, given=names)
