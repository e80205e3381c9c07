"""What a deploy would do now, without doing it: `shipper plan` and `shipper env`."""

from collections.abc import Iterator, Mapping

from shipper.env.mask import masking
from shipper.events import Tell
from shipper.hosts.session import looking
from shipper.model.release import Payload
from shipper.model.secret import Env
from shipper.operations.comparing import Looked
from shipper.operations.deployment import available_secrets, decide_deploy, ignore, look_for_deploy
from shipper.operations.precautions import refuse_key_in_git, require_version, warn_if_frozen
from shipper.operations.upstream import upstream_of
from shipper.operations.wanted import payloads_now
from shipper.planning.changes import replaced
from shipper.planning.env_changes import Given, RoleEnv, given
from shipper.planning.plan import Plan
from shipper.project import Project
from shipper.tasks import task_group


async def plan_deploy(project: Project, *, unproven: str = "", tell: Tell = ignore) -> Plan:
    """What `deploy` would do now, and what would change; changes nothing. Raises ShipperError."""
    require_version(project)
    refuse_key_in_git(project)
    with masking(tell) as (tell, mask):
        available = await available_secrets(project, mask)
        async with (
            upstream_of(project, unproven, tell, mask) as upstream,
            looking(project, tell, project.affected_hosts) as worlds,
        ):
            upstream.look()
            async with task_group() as reading:
                reading.create_task(warn_if_frozen(worlds, tell))
                looking_there = reading.create_task(look_for_deploy(project, worlds, mask, compare=True))
            looked = looking_there.result()
            return await decide_deploy(project, worlds, looked, upstream, available, mask, tell)


async def list_env(project: Project, *, tell: Tell = ignore) -> tuple[RoleEnv, ...]:
    """The names of all variables and files that a deploy now would give, and which change. Raises ShipperError."""
    with masking(tell) as (tell, mask):
        available = await available_secrets(project, mask)
        async with looking(project, tell) as worlds:
            looked = await look_for_deploy(project, worlds, mask, compare=True)
            wanted = await payloads_now(project, worlds, looked.hosts, available, mask, ignore)
        return tuple(_envs(project, wanted, looked, available))


def _envs(project: Project, wanted: Mapping[str, Payload], looked: Looked, available: Env) -> Iterator[RoleEnv]:
    found: dict[tuple[str, int | None, tuple[Given, ...]], list[str]] = {}
    for host_name, role_name, release in replaced(wanted, looked.hosts, project.role_names):
        after, number = wanted[host_name], release.number if release else None
        absent = {name: secret for name, secret in after.secrets.items() if name not in available}
        before = looked.payloads[host_name].get(number) if looked.payloads and number else None
        found.setdefault((role_name, number, given(role_name, before, after, absent)), []).append(host_name)
    for (role_name, number, names), host_names in found.items():
        yield RoleEnv(role_name=role_name, host_names=tuple(host_names), release_number=number, given=names)
