"""PURE: (what is wanted, what was observed) → Plan. No clock, no randomness, no I/O.

Everything that a deploy decides is decided here, with its reason: what changes, in which order, what is removed.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shipper.config.root import Config
from shipper.errors import ReleaseNotFound, UsageError
from shipper.model.image import ListedImage
from shipper.model.observed import Observed
from shipper.model.release import Release
from shipper.planning.changes import Changes
from shipper.planning.facts import Facts
from shipper.planning.fingerprint import fingerprint_of
from shipper.planning.host_plan import HostPlan
from shipper.planning.image_plan import kept_images, steps_here, tidying
from shipper.planning.promotion import Proof, Waiver
from shipper.planning.release_plan import left_running, migration
from shipper.planning.role_plan import stop_of
from shipper.planning.wanted import Wanted
from shipper.steps import Step
from shipper.steps.build import Build
from shipper.steps.commit import Commit
from shipper.steps.retire import Retire
from shipper.steps.stop import Stop

Lane = tuple[Step, ...]
"""Steps of one host, one after the other."""
Wave = tuple[Lane, ...]
"""Lanes side by side, several of one host too; the next wave begins when all have ended."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    releases: tuple[Release, ...]
    """Those that serve in the end, the newest first; of a stop those that served."""
    role_names: tuple[str, ...]
    """Those that change."""
    deploy_id: str
    command: str
    """deploy, rollback, restart, stop or start."""
    title: str
    facts: Facts
    before_commit: tuple[Wave, ...]
    """All that was begun of these is taken back if one fails."""
    after_commit: tuple[Wave, ...]
    max_parallel: int
    changes: tuple[Changes, ...] = ()
    """What differs from what serves, for those who look; a deploy does not find it out, unless a plan is expected."""
    proof: Proof | Waiver | None = None
    """Why its image may be deployed here; None where nobody asks for that."""

    @property
    def release(self) -> Release:
        return self.releases[0]

    @property
    def about(self) -> dict[str, Any]:
        """What each entry of the journal says, so that the next one knows what a dead one was at."""
        number = self.releases[0].number if self.releases else 0  # of a stop whose records are gone
        return {"deploy": self.deploy_id, "command": self.command, "release": number, "roles": self.role_names}

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for wave in self.before_commit + self.after_commit for lane in wave for step in lane)

    @property
    def is_empty(self) -> bool:
        return not self.steps

    @property
    def fingerprint(self) -> str:
        """Short: what somebody confirms by it is this plan, made anew by an action that is told to expect it."""
        return fingerprint_of(self)

    @property
    def no_way_back(self) -> tuple[str, ...]:
        """Why nothing goes back from its release to the ones before; empty where that is possible."""
        reasons = (step.irreversible for step in self.steps if isinstance(step, Commit) and step.irreversible)
        return tuple(dict.fromkeys(reasons))

    @property
    def ends_us(self) -> bool:
        """Whether it replaces the container that we run in."""
        return any(isinstance(step, Retire) and step.is_self for step in self.steps)

    @property
    def lines(self) -> tuple[str, ...]:
        """The plan as plain text, one line for each step in the order of the run; hosts go side by side."""
        proven = (self.proven,) if self.proven else ()
        return (self.title, *proven, *(self.step_lines or ("nothing to do",)))

    @property
    def proven(self) -> str:
        """Where its image is; empty where nobody asks for that, or somebody has taken it upon himself."""
        return str(self.proof) if isinstance(self.proof, Proof) else ""

    @property
    def step_lines(self) -> tuple[str, ...]:
        hosts = max((len(step.host_name) for step in self.steps), default=0)
        roles = max((len(step.role_name) for step in self.steps), default=0)
        return tuple(f"{step.host_name:<{hosts}}  {step.role_name:<{roles}}  {step}" for step in self.steps)


def make_plan(wanted: Wanted, observed: Mapping[str, Observed]) -> Plan:
    """Raises ImageError if the image is nowhere, or is for another processor; UsageError if `release` has no host."""
    hosts = [HostPlan(wanted, observed[host_name]) for host_name in wanted.releases]
    return plan_of(hosts, _title(wanted, observed))


def plan_of(hosts: Sequence[HostPlan], title: str) -> Plan:
    """One plan of all that these need; a host may be among them several times, with a release for each of its roles.

    Raises ImageError, and UsageError where it would stop the container that we run in before its end.
    """
    config, wanted = hosts[0].payload.config, hosts[0].wanted
    changed = any(host.changed_roles for host in hosts)
    here, migrate = tuple(_steps_here(hosts)), migration(hosts)
    commits = any(host.changed_roles or host.is_uncommitted for host in hosts)
    leader = next((host for host in hosts if host.changed_roles), hosts[0]).host_name
    first = [host for host in hosts if not config.rollout.first_host_first or host.host_name == leader]
    others = [host for host in hosts if host not in first]
    made = Plan(
        releases=_newest_first(host.release for host in hosts),
        role_names=tuple(dict.fromkeys(role_name for host in hosts for role_name in host.changed_roles)),
        deploy_id=wanted.deploy_id,
        command=wanted.command,
        title=title,
        facts=wanted.facts,
        before_commit=_waves(
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
        ),
        after_commit=_waves(
            [
                *([step] for host in hosts for step in (*host.commit, *host.retired, *host.pruning)),
                _tidying(hosts) if any(isinstance(step, Build) for step in here) else (),
            ],
            [_hook(wanted, "post") if commits else ()],
        ),
        max_parallel=config.rollout.max_parallel,
    )
    return _living_to_its_end(made, [host.observed for host in hosts])


def plan_turn(hosts: Sequence[HostPlan]) -> Plan:
    """Of a restart or a start: what served, on each host and in each role, serves again."""
    of_role: dict[str, list[Release]] = {}
    for host in hosts:
        for role_name in host.changed_roles:
            of_role.setdefault(role_name, []).append(host.release)
    alike: dict[str, list[str]] = {}
    for role_name, releases in of_role.items():
        alike.setdefault(_named(releases), []).append(role_name)
    parts = [f"{', '.join(role_names)} ({named})" for named, role_names in alike.items()]
    what = f"{hosts[0].wanted.command} of {', '.join(parts)}" if parts else _named(host.release for host in hosts)
    return plan_of(hosts, f"{hosts[0].wanted.full_name}: {what}")


def with_proof(made: Plan, proof: Proof | Waiver | None) -> Plan:
    """What somebody takes upon himself is in the title: so the journal tells it, and who confirms it sees it."""
    title = f"{made.title}; {proof}" if isinstance(proof, Waiver) else made.title
    return replace(made, title=title, proof=proof)


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


def _named(releases: Iterable[Release]) -> str:
    return ", ".join(dict.fromkeys(f"release {r.number} of {r.short_version}" for r in releases))


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
        releases=_newest_first(record for host in hosts if (record := host.incumbent_release_of(names))),
        role_names=names,
        deploy_id=deploy_id,
        command="stop",
        title=f"{full_name}: stop of {', '.join(names) or 'nothing: nothing runs'}",
        facts=facts,
        before_commit=_waves(lanes),
        after_commit=(),
        max_parallel=config.rollout.max_parallel,
    )
    return _living_to_its_end(made, hosts)


def _living_to_its_end(made: Plan, hosts: Sequence[Observed]) -> Plan:
    """Raises UsageError for a plan that stops the container that we run in: nobody would do the rest."""
    own = {(host.host_name, host.own.name) for host in hosts if host.own}
    for step in made.steps:
        if isinstance(step, Stop) and (step.host_name, step.container_name) in own:
            why = f" ({step.because})" if step.because else ""
            raise UsageError(
                f"This {made.command} runs in {step.container_name}, and would stop it before its own end{why}.",
                now="Nothing was done: what serves goes on.",
                next=f"Run it once from elsewhere, a terminal or CI, or let it mean other roles than {step.role_name}: "
                "a container can only replace itself by a handover.",
            )
    return made


def _newest_first(releases: Iterable[Release]) -> tuple[Release, ...]:
    """Each once, though each host has a record of its own."""
    found = {(release.number, release.version): release for release in releases}
    return tuple(sorted(found.values(), key=lambda release: -release.number))


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


def _waves(*waves: Iterable[Iterable[Step]]) -> tuple[Wave, ...]:
    """Without what is empty."""
    made = (tuple(lane for steps in wave if (lane := tuple(steps))) for wave in waves)
    return tuple(wave for wave in made if wave)


def _changes(hosts: list[HostPlan]) -> list[list[list[Step]]]:
    """Role by role, in the order of the config."""
    role_names = dict.fromkeys(role_name for host in hosts for role_name in host.changes)
    return [[host.changes.get(role_name, []) for host in hosts] for role_name in role_names]


def _title(wanted: Wanted, observed: Mapping[str, Observed]) -> str:
    release = wanted.release
    incumbents = [host.incumbent_release_of(wanted.role_names or host.role_names) for host in observed.values()]
    before = _named(r for r in incumbents if r and r.number != release.number)
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
