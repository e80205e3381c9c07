"""What serves is restarted, stopped, or started again, without another release of it.

A restart and a start are the story of a rollback to the release that serves, or did: new containers from its record on
each host, behind the same gate. A freeze does not forbid them: it is against new versions.
"""

from collections.abc import Iterator
from dataclasses import replace

from shipper.carrying_out import carry_out
from shipper.env import environment
from shipper.env.mask import Mask, masking
from shipper.errors import ReleaseNotFound
from shipper.events import Tell, Warned
from shipper.hosts.session import connected, looking
from shipper.images.sources import sources_for
from shipper.model.observed import Observed
from shipper.model.outcome import Outcome
from shipper.model.release import Release
from shipper.observe import Hosts, Worlds, now, observe_all
from shipper.operations.comparing import refuse_another_plan
from shipper.operations.deployment import holding, ignore
from shipper.operations.precautions import warn_of_unfinished
from shipper.operations.recorded import recorded
from shipper.operations.wanted import new_deploy_id
from shipper.planning.facts import facts_of
from shipper.planning.host_plan import HostPlan
from shipper.planning.lifecycle_plan import plan_stop, plan_turn, refuse_two_of_one
from shipper.planning.plan import Plan
from shipper.planning.wanted import Wanted
from shipper.project import Project
from shipper.tasks import together
from shipper.world import World


async def restart(project: Project, *, expected: str | None = None, wait: float = 0.0, tell: Tell = ignore) -> Outcome:
    """Replaces what serves by new containers of the same releases; a role that was stopped is started.

    Each host and role keeps its release, with the image, config and env that it has. `expected` is the fingerprint of
    a plan that `plan_restart` gave. Raises and returns as `deploy` does.
    """
    return await _turn(project, "restart", wait, tell, expected)


async def plan_restart(project: Project, *, tell: Tell = ignore) -> Plan:
    """What `restart` would do now; it has no changes, as what serves keeps its release. Raises as `restart` does."""
    with masking(tell) as (tell, mask):
        mask.add(environment.secrets_in_environ(project))
        async with looking(project, tell, project.affected_hosts) as worlds:
            hosts = await observe_all(project, worlds, None)
            return await _decide(project, worlds, hosts, "restart", mask, tell)


async def start(project: Project, *, wait: float = 0.0, tell: Tell = ignore) -> Outcome:
    """Makes roles that do not serve do so again, with the release that did; those that serve are left alone.

    Raises and returns as `deploy` does.
    """
    return await _turn(project, "start", wait, tell)


async def stop(project: Project, *, wait: float = 0.0, tell: Tell = ignore) -> Outcome:
    """Stops roles: they come back neither by themselves nor at boot, but by `start`, `restart` or a deploy.

    If one cannot be stopped, those that were are started again. Raises and returns as `deploy` does.
    """
    with masking(tell) as (tell, mask):
        mask.add(environment.secrets_in_environ(project))
        asked = connected(project, tell, project.affected_hosts)
        async with asked as worlds, holding(project, worlds, _purpose("stop", project), wait):
            warn_of_unfinished(worlds, tell)
            hosts = await observe_all(project, worlds, None)
            _warn_of_left_running(hosts, tell)
            made = plan_stop(
                list(hosts.values()),
                config=project.config,
                role_names=project.role_names,
                full_name=project.full_name,
                deploy_id=new_deploy_id(now(worlds), hosts),
                facts=facts_of(project, "stop", _newest(project, hosts)),
            )
            return await carry_out(made, project, worlds, hosts, tell, mask)


async def _turn(project: Project, command: str, wait: float, tell: Tell, expected: str | None = None) -> Outcome:
    with masking(tell) as (tell, mask):
        mask.add(environment.secrets_in_environ(project))
        asked = connected(project, tell, project.affected_hosts)
        async with asked as worlds, holding(project, worlds, _purpose(command, project), wait):
            warn_of_unfinished(worlds, tell)
            hosts = await observe_all(project, worlds, None)
            made = await _decide(project, worlds, hosts, command, mask, tell)
            refuse_another_plan(made, expected)
            return await carry_out(made, project, worlds, hosts, tell, mask)


async def _decide(project: Project, worlds: Worlds, hosts: Hosts, command: str, mask: Mask, tell: Tell) -> Plan:
    _refuse_nothing(project, hosts, command, tell)
    _warn_of_left_running(hosts, tell)
    deploy_id = new_deploy_id(now(worlds), hosts)
    plans = await together(
        {
            (name, number): _host_plan(project, worlds[name], host, number, roles, deploy_id, command, mask)
            for name, host in hosts.items()
            for number, roles in _served(host, project).items()
        }
    )
    refuse_two_of_one(list(plans.values()), hosts)
    return plan_turn(list(plans.values()))


def _purpose(command: str, project: Project) -> str:
    return f"{command} of {', '.join(project.role_names)}" if project.role_names else command


def _newest(project: Project, hosts: Hosts) -> Release | None:
    """Of those that serve in the roles that are meant."""
    serving = (host.incumbent_release_of(project.role_names or host.role_names) for host in hosts.values())
    return max(filter(None, serving), key=lambda release: release.number, default=None)


def _warn_of_left_running(hosts: Hosts, tell: Tell) -> None:
    for name, host in hosts.items():
        for run in host.runs:
            if run.is_release_command and run.is_running:
                text = f"{name}: {run.name} still runs, which a deploy that died left. It is left alone."
                tell(Warned(text=text))


def _served(host: Observed, project: Project) -> dict[int, tuple[str, ...]]:
    """PURE: the releases that serve, or would, each with its roles."""
    found: dict[int, tuple[str, ...]] = {}
    for container in host.incumbents:
        if project.means_role(container.role_name):
            found[container.release_number] = (*found.get(container.release_number, ()), container.role_name)
    return found


def _refuse_nothing(project: Project, hosts: Hosts, command: str, tell: Tell) -> None:
    """Raises ReleaseNotFound where nothing was ever deployed; tells where only a part of it was."""
    absent = list(_never_deployed(project, hosts))
    if not any(_served(host, project) for host in hosts.values()):
        what = " or ".join(project.role_names) or project.full_name
        raise ReleaseNotFound(
            f"Nothing of {what} serves or was stopped on {', '.join(hosts)}, so there is nothing to {command}.",
            now="Nothing was done.",
            next="shipper deploy makes it serve.",
        )
    for host_name, role_name in absent:
        tell(Warned(text=f"{host_name}: nothing of {role_name} was deployed yet, so there is nothing to {command}."))


def _never_deployed(project: Project, hosts: Hosts) -> Iterator[tuple[str, str]]:
    for name, role in project.config.roles.items():
        for host_name in role.hosts:
            if project.means_role(name) and host_name in hosts and not hosts[host_name].incumbent(name):
                yield host_name, name


async def _host_plan(
    project: Project,
    world: World,
    host: Observed,
    number: int,
    role_names: tuple[str, ...],
    deploy_id: str,
    command: str,
    mask: Mask,
) -> HostPlan:
    name, found = host.host_name, await recorded(world, host, number, mask)
    host = replace(host, image=found.image)
    wanted = Wanted(
        full_name=project.full_name,
        deploy_id=deploy_id,
        command=command,
        releases={name: found.release},
        payloads={name: found.payload},
        retain=project.config.retain,
        removes_images=not project.config.fixed_version,
        sources=await sources_for({name: world}, {name: host}, found.release.image, mask),
        facts=facts_of(project, command, found.release),
        role_names=role_names,
        renew=command == "restart",
    )
    return HostPlan(wanted, host)
