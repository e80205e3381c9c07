"""PURE: what a plan is: steps, in lanes that go side by side, and the point from which there is only forward."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shipper.errors import UsageError
from shipper.model.observed import Observed
from shipper.model.release import Release
from shipper.planning.changes import Changes
from shipper.planning.facts import Facts
from shipper.planning.fingerprint import fingerprint_of
from shipper.planning.promotion import Proof, Waiver
from shipper.steps import Step
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


def with_proof(made: Plan, proof: Proof | Waiver | None) -> Plan:
    """What somebody takes upon himself is in the title: so the journal tells it, and who confirms it sees it."""
    title = f"{made.title}; {proof}" if isinstance(proof, Waiver) else made.title
    return replace(made, title=title, proof=proof)


def names_of(releases: Iterable[Release]) -> str:
    return ", ".join(dict.fromkeys(f"release {r.number} of {r.short_version}" for r in releases))


def living_to_its_end(made: Plan, hosts: Sequence[Observed]) -> Plan:
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


def newest_first(releases: Iterable[Release]) -> tuple[Release, ...]:
    """Each once, though each host has a record of its own."""
    found = {(release.number, release.version): release for release in releases}
    return tuple(sorted(found.values(), key=lambda release: -release.number))


def without_empty(*waves: Iterable[Iterable[Step]]) -> tuple[Wave, ...]:
    """Without what is empty."""
    made = (tuple(lane for steps in wave if (lane := tuple(steps))) for wave in waves)
    return tuple(wave for wave in made if wave)
