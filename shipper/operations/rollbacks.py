"""A rollback: the story of a deploy with a release that was, made anew from its record on the hosts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from shipper.carrying_out import carry_out
from shipper.env import environment
from shipper.env.mask import Mask, masking
from shipper.errors import Irreversible
from shipper.events import Tell, Warned
from shipper.hosts.journal import unfinished
from shipper.hosts.session import connected, looking
from shipper.images.sources import sources_for
from shipper.model.outcome import Outcome
from shipper.model.release import Payload, Release
from shipper.model.secret import Env
from shipper.notify.notices import notifying
from shipper.observe import Hosts, Worlds
from shipper.operations.comparing import Looked, compared, look, refuse_another_plan
from shipper.operations.deployment import available_secrets, holding, ignore
from shipper.operations.precautions import warn_of_left_out, warn_of_unfinished
from shipper.operations.recorded import recorded
from shipper.operations.wanted import completed, new_release, serving_payloads, wanted_of
from shipper.planning import releases
from shipper.planning.barriers import barriers_before
from shipper.planning.deploy_plan import make_plan
from shipper.planning.plan import Plan
from shipper.project import Project
from shipper.tasks import task_group, together


@dataclass(frozen=True, kw_only=True)
class _Goal:
    """What is asked for."""

    number: int | None
    force: bool
    todays_secrets: Env | None
    """Where today's env is asked for; they are those that are set here."""


async def rollback(
    project: Project,
    number: int | None = None,
    *,
    current_env: bool = False,
    force: bool = False,
    expected: str | None = None,
    wait: float = 0.0,
    tell: Tell = ignore,
) -> Outcome:
    """Makes an earlier release serve again: new containers from its record, with its image, its config and its env.

    Without `number`, the release that served before this one; a second rollback goes one further back. `current_env`
    gives its image and config today's env instead, as a new release. `force` goes back over a release from which there
    is no way back, as its config says; else Irreversible is raised. `expected` is the fingerprint of a plan that
    `plan_rollback` gave. Raises and returns as `deploy` does.
    """
    with masking(tell) as (tell, mask):
        goal = await _goal(project, number, current_env, force, mask)
        purpose = f"rollback to release {number}" if number else "rollback"
        async with (
            notifying(project, tell, mask) as tell,
            connected(project, tell, project.affected_hosts) as worlds,
            holding(project, worlds, purpose, wait),
        ):
            warn_of_unfinished(worlds, tell)
            looked = await look(project, worlds, mask, None, compare=expected is not None)
            made, hosts = await _decide(project, worlds, looked, goal, mask, tell)
            refuse_another_plan(made, expected)
            return await carry_out(made, project, worlds, hosts, tell, mask)


async def plan_rollback(
    project: Project,
    number: int | None = None,
    *,
    current_env: bool = False,
    force: bool = False,
    tell: Tell = ignore,
) -> Plan:
    """What `rollback` would do now, and what would change; changes nothing. Raises as `rollback` does."""
    with masking(tell) as (tell, mask):
        goal = await _goal(project, number, current_env, force, mask)
        async with looking(project, tell, project.affected_hosts) as worlds:
            async with task_group() as reading:
                reading.create_task(together({name: world.journal.look() for name, world in worlds.items()}))
                asked = reading.create_task(look(project, worlds, mask, None, compare=True))
            return (await _decide(project, worlds, asked.result(), goal, mask, tell))[0]


async def _goal(project: Project, number: int | None, current_env: bool, force: bool, mask: Mask) -> _Goal:
    mask.add(environment.secrets_in_environ(project))
    secrets = await available_secrets(project, mask) if current_env else None
    return _Goal(number=number, force=force, todays_secrets=secrets)


async def _decide(
    project: Project, worlds: Worlds, looked: Looked, goal: _Goal, mask: Mask, tell: Tell
) -> tuple[Plan, Hosts]:
    """The plan, and those of the hosts that it means."""
    hosts, number = looked.hosts, goal.number
    if number is None:
        number = releases.rollback_number(hosts.values(), unfinished(worlds), project.role_names)
    hosts = releases.hosts_of(number, hosts, project.role_names)
    _look_for_barriers(hosts, number, goal.force, tell)
    async with task_group() as reading:
        read = reading.create_task(
            together({name: recorded(worlds[name], host, number, mask) for name, host in hosts.items()})
        )
        comparing = reading.create_task(serving_payloads(worlds, hosts, mask, project.role_names))
    found, serving = read.result(), comparing.result()
    releases.refuse_other_content(number, hosts)
    payloads = {name: each.payload for name, each in found.items()}
    releases.refuse_absent_roles(number, payloads.values(), project.role_names)
    warn_of_left_out(project, next(iter(payloads.values())).config, hosts, tell)
    warn_of_unnamed_hosts(project, serving.values(), tell)
    records = {name: each.release for name, each in found.items()}
    hosts = {name: replace(host, image=found[name].image) for name, host in hosts.items()}
    if goal.todays_secrets is None:
        _warn_of_changed_env(number, payloads, serving, project, tell)
    else:
        payloads = _with_todays_env(project, records, payloads, serving, goal.todays_secrets)
        records = _renumbered(records, payloads, project, worlds, hosts)
    sources = await sources_for(worlds, hosts, next(iter(records.values())).image, mask)
    wanted = wanted_of(project, records, payloads, worlds, hosts, sources, command="rollback")
    return compared(make_plan(wanted, hosts), wanted, replace(looked, hosts=hosts), project, mask), hosts


def _look_for_barriers(hosts: Hosts, number: int, force: bool, tell: Tell) -> None:
    """Going back over one is refused, or is warned of where it is meant."""
    targets = [(host, record) for host in hosts.values() if (record := host.release(number))]
    found = [barrier for host, target in targets for barrier in barriers_before(host, target)]
    crossed = {barrier.release_number: barrier.reason for barrier in found}
    reasons = "; ".join(f"release {crossed_number}: {reason}" for crossed_number, reason in crossed.items())
    if crossed and not force:
        raise Irreversible(
            f"There is no way back over {reasons}",
            now="Nothing was done: what serves goes on.",
            next="Deploy a version that mends it; if the old one can live with that, the same command with --force.",
        )
    if crossed:
        tell(Warned(text=f"Going back, as --force says, though there is no way back over {reasons}"))


def warn_of_unnamed_hosts(project: Project, serving: Iterable[Payload], tell: Tell) -> None:
    """Our config may be of another commit than what serves, and have fewer hosts: the others are not asked."""
    roles = [role for each in serving for name, role in each.config.roles.items() if project.means_role(name)]
    serving_on = {_address(name): name for role in roles for name in role.hosts}
    known = {_address(name) for name in project.config.hosts}
    if unnamed := [name for address, name in serving_on.items() if address not in known]:
        told = f"What serves was deployed to {', '.join(unnamed)} too, which the config here does not name"
        tell(Warned(text=f"{told}: it is left as it is."))


def _address(host_name: str) -> str:
    """However the user is written."""
    return host_name.rpartition("@")[2]


def _warn_of_changed_env(
    target: int,
    payloads: Mapping[str, Payload],
    serving: Mapping[str, Payload],
    project: Project,
    tell: Tell,
) -> None:
    changed = {
        name
        for host_name in payloads.keys() & serving.keys()
        for role_name, env in payloads[host_name].env.items()
        if project.means_role(role_name)
        for name in environment.changed_names(env, serving[host_name].env.get(role_name, {}))
    }
    if changed:
        names = ", ".join(sorted(changed))
        tell(Warned(text=f"Env goes back to that of release {target} as well: {names} (--current-env takes today's)."))


def _with_todays_env(
    project: Project,
    records: Mapping[str, Release],
    payloads: Mapping[str, Payload],
    serving: Mapping[str, Payload],
    available: Env,
) -> dict[str, Payload]:
    recorded = {name: secret for payload in serving.values() for name, secret in payload.secrets.items()}
    secrets = environment.complete(project, available, recorded)
    result = {}
    for host_name, payload in payloads.items():
        as_it_was = replace(project.revision, version=records[host_name].version)
        config = project.config.model_copy(update={"roles": payload.config.roles})
        today = environment.payload(
            replace(project, revision=as_it_was, config=config), host_name, secrets, tuple(payload.env)
        )
        result[host_name] = replace(payload, env=today.env, files=today.files, secrets=secrets)
    return result


def _renumbered(
    records: Mapping[str, Release],
    payloads: Mapping[str, Payload],
    project: Project,
    worlds: Worlds,
    hosts: Hosts,
) -> dict[str, Release]:
    number = releases.next_number(hosts.values())
    new = new_release(project, worlds, number=number)
    return {
        name: replace(
            completed(
                project,
                replace(
                    new,
                    version=record.version,
                    image=record.image,
                    config_hash=record.config_hash,
                    irreversible=record.irreversible,
                ),
                payloads[name],
                hosts[name],
            ),
            replaces=record.replaces,
        )
        for name, record in records.items()
    }
