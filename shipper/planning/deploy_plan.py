"""PURE: (what is wanted, what was observed) → the plan of a deploy or a rollback. No clock, no randomness, no I/O.

Everything that a deploy decides has its reason here: what changes, in which order and side by side, what is removed.
"""

from collections.abc import Iterator, Mapping, Sequence

from shipper.model.image import ListedImage
from shipper.model.observed import Observed
from shipper.planning.host_plan import HostPlan
from shipper.planning.image_plan import kept_images, steps_here, tidying
from shipper.planning.plan import Lane, Plan, Wave, living_to_its_end, names_of, newest_first, without_empty
from shipper.planning.release_plan import left_running, migration
from shipper.planning.wanted import Wanted
from shipper.steps import Step
from shipper.steps.build import Build


def make_plan(wanted: Wanted, observed: Mapping[str, Observed]) -> Plan:
    """Raises ImageError if the image is nowhere, or is for another processor; UsageError if `release` has no host."""
    hosts = [HostPlan(wanted, observed[host_name]) for host_name in wanted.releases]
    return plan_of(hosts, _title(wanted, observed))


def plan_of(hosts: Sequence[HostPlan], title: str) -> Plan:
    """One plan of all that these need; a host may be among them several times, with a release for each of its roles.

    Raises ImageError, and UsageError where it would stop the container that we run in before its end.
    """
    config, wanted = hosts[0].payload.config, hosts[0].wanted
    here = tuple(_steps_here(hosts))
    made = Plan(
        releases=newest_first(host.release for host in hosts),
        role_names=tuple(dict.fromkeys(role_name for host in hosts for role_name in host.changed_roles)),
        deploy_id=wanted.deploy_id,
        command=wanted.command,
        title=title,
        facts=wanted.facts,
        before_commit=_before_commit(hosts, here),
        after_commit=_after_commit(hosts, here),
        max_parallel=config.rollout.max_parallel,
    )
    return living_to_its_end(made, [host.observed for host in hosts])


def _before_commit(hosts: Sequence[HostPlan], here: Lane) -> tuple[Wave, ...]:
    config, wanted = hosts[0].payload.config, hosts[0].wanted
    migrate = migration(hosts)
    changed = [host for host in hosts if host.changed_roles]
    leader = (changed or hosts)[0].host_name
    first = [host for host in hosts if not config.rollout.first_host_first or host.host_name == leader]
    others = [host for host in hosts if host not in first]
    return without_empty(
        [here],
        [host.supply for host in hosts],
        [[step] for host in first for step in host.made],
        [[step] for step in left_running(hosts, migrate)],
        [_hook(wanted, "pre") if changed else ()],
        [[migrate] if migrate else ()],
        [host.freed for host in hosts],
        *_changes(first),
        [[step] for host in others for step in host.made],
        *_changes(others),
        [host.own_changes for host in hosts],
    )


def _after_commit(hosts: Sequence[HostPlan], here: Lane) -> tuple[Wave, ...]:
    commits = any(host.changed_roles or host.is_uncommitted for host in hosts)
    return without_empty(
        [
            *([step] for host in hosts for step in (*host.commit, *host.retired, *host.pruning)),
            _tidying(hosts) if any(isinstance(step, Build) for step in here) else (),
        ],
        [_hook(hosts[0].wanted, "post") if commits else ()],
    )


def _steps_here(hosts: Sequence[HostPlan]) -> Iterator[Step]:
    """Once for each image, for all hosts that need it and lack it."""
    lacking: dict[str, list[HostPlan]] = {}
    for host in hosts:
        if host.changed_roles and not host.observed.image:
            lacking.setdefault(host.wanted.sources.image_name, []).append(host)
    for alike in lacking.values():
        wanted = alike[0].wanted
        yield from steps_here(wanted.sources, [host.observed for host in alike], wanted.hooks.get("pre-build"))


def _hook(wanted: Wanted, when: str) -> Lane:
    """`pre-deploy`, say, if the config has it."""
    hook = wanted.hooks.get(f"{when}-{wanted.command}")
    return (hook,) if hook else ()


def _tidying(hosts: Sequence[HostPlan]) -> Iterator[Step]:
    """What this machine need not keep after a build; a host that is left out cannot say what of it is its release's."""
    wanted, config = hosts[0].wanted, hosts[0].payload.config
    if wanted.retain is None or wanted.host_names:
        return
    kept = kept_images([host.observed for host in hosts], [step for host in hosts for step in host.pruning])
    new = ListedImage(id="", names=(wanted.release.image,))
    yield from tidying([new, *wanted.sources.others_here], config.image, config.build, wanted.retain, kept)


def _changes(hosts: list[HostPlan]) -> list[list[list[Step]]]:
    """Role by role, in the order of the config."""
    role_names = dict.fromkeys(role_name for host in hosts for role_name in host.changes)
    return [[host.changes.get(role_name, []) for host in hosts] for role_name in role_names]


def _title(wanted: Wanted, observed: Mapping[str, Observed]) -> str:
    release = wanted.release
    incumbents = [host.incumbent_release_of(wanted.role_names or host.role_names) for host in observed.values()]
    before = names_of(r for r in incumbents if r and r.number != release.number)
    replaced = f" replaces {before}" if before else ""
    return f"{wanted.full_name}: release {release.number} of {release.short_version}{_part(wanted)}{replaced}"


def _part(wanted: Wanted) -> str:
    """What is left out is told: ` (role web only)`."""
    config = next(iter(wanted.payloads.values())).config
    roles = [name for name in config.roles if name in wanted.role_names]
    hosts = [name for name in config.hosts if name in wanted.host_names]
    parts = [
        *([f"role {', '.join(roles)} only"] if 0 < len(roles) < len(config.roles) else []),
        *([f"on {', '.join(hosts)} only"] if 0 < len(hosts) < len(config.hosts) else []),
    ]
    return f" ({'; '.join(parts)})" if parts else ""
