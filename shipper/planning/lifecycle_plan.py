"""PURE: what serves is started again, or stopped, on all hosts."""

from collections.abc import Collection, Mapping, Sequence

from shipper.config.root import Config
from shipper.errors import ReleaseNotFound
from shipper.model.observed import Observed
from shipper.model.release import Release
from shipper.planning.deploy_plan import plan_of
from shipper.planning.facts import Facts
from shipper.planning.host_plan import HostPlan
from shipper.planning.plan import Plan, living_to_its_end, names_of, newest_first, without_empty
from shipper.planning.role_plan import stop_of


def plan_turn(hosts: Sequence[HostPlan]) -> Plan:
    """Of a restart or a start: what served, on each host and in each role, serves again."""
    of_role: dict[str, list[Release]] = {}
    for host in hosts:
        for role_name in host.changed_roles:
            of_role.setdefault(role_name, []).append(host.release)
    alike: dict[str, list[str]] = {}
    for role_name, releases in of_role.items():
        alike.setdefault(names_of(releases), []).append(role_name)
    parts = [f"{', '.join(role_names)} ({named})" for named, role_names in alike.items()]
    what = f"{hosts[0].wanted.command} of {', '.join(parts)}" if parts else names_of(host.release for host in hosts)
    return plan_of(hosts, f"{hosts[0].wanted.full_name}: {what}")


def refuse_two_of_one(hosts: Sequence[HostPlan], observed: Mapping[str, Observed]) -> None:
    """A deploy that died may have left a singleton on two hosts that it was to move between. Raises ReleaseNotFound."""
    for host in hosts:
        for role_name in host.changed_roles:
            others = [name for name, other in observed.items() if name != host.host_name and _has(other, role_name)]
            if others and host.roles[role_name].role.singleton:
                raise ReleaseNotFound(
                    f"{role_name} must not run twice, and is on {host.host_name} and {', '.join(others)}.",
                    now="Nothing was done.",
                    next=f"shipper deploy --role {role_name} makes it serve where the config has it, and nowhere else.",
                )


def _has(host: Observed, role_name: str) -> bool:
    return any(container.is_in_use for container in host.of_role(role_name))


def plan_stop(
    hosts: Sequence[Observed],
    *,
    config: Config,
    role_names: Collection[str],
    full_name: str,
    deploy_id: str,
    facts: Facts,
) -> Plan:
    """Of these roles, or of all if none are named. What served is set aside: Docker leaves it alone at boot."""
    lanes = [
        [stop_of(host, container, config)]
        for host in hosts
        for role_name in role_names or host.role_names
        for container in host.of_role(role_name)
        if container.is_in_use and container != host.stopped(role_name)
    ]
    names = tuple(dict.fromkeys(step.role_name for lane in lanes for step in lane))
    made = Plan(
        releases=newest_first(record for host in hosts if (record := host.incumbent_release_of(names))),
        role_names=names,
        deploy_id=deploy_id,
        command="stop",
        title=f"{full_name}: stop of {', '.join(names) or 'nothing: nothing runs'}",
        facts=facts,
        before_commit=without_empty(lanes),
        after_commit=(),
        max_parallel=config.rollout.max_parallel,
    )
    return living_to_its_end(made, hosts)
