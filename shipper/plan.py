"""PURE: (what is wanted, what was observed) → Plan. No clock, no randomness, no I/O.

Everything that a deploy decides is decided here, with its reason: what changes, in which order, what is removed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shipper.changes import Changes
from shipper.host_plan import HostPlan, Wanted
from shipper.image_plan import steps_here
from shipper.model import Observed, Release
from shipper.steps import Step

Lane = tuple[Step, ...]
"""Steps of one host, one after the other."""
Wave = tuple[Lane, ...]
"""Lanes side by side, several of one host too; the next wave begins when all have ended."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    release: Release
    deploy_id: str
    command: str
    title: str
    before_commit: tuple[Wave, ...]
    """All that was begun of these is taken back if one fails."""
    after_commit: tuple[Wave, ...]
    max_parallel: int
    changes: tuple[Changes, ...] = ()
    """What differs from what serves, for those who look; a deploy does not find it out."""

    @property
    def about(self) -> dict[str, Any]:
        """What each entry of the journal says, so that the next one knows what a dead one was at."""
        return {"deploy": self.deploy_id, "command": self.command, "release": self.release.number}

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for wave in self.before_commit + self.after_commit for lane in wave for step in lane)

    @property
    def is_empty(self) -> bool:
        return not self.steps

    @property
    def lines(self) -> tuple[str, ...]:
        """The plan as plain text, one line for each step in the order of the run; hosts go side by side."""
        steps = self.steps
        if not steps:
            return (self.title, "nothing to do")
        hosts = max(len(step.host_name) for step in steps)
        roles = max(len(step.role_name) for step in steps)
        return (
            self.title,
            *(f"{step.host_name:<{hosts}}  {step.role_name:<{roles}}  {step}" for step in steps),
        )


def make_plan(wanted: Wanted, observed: Mapping[str, Observed]) -> Plan:
    """Raises ImageError if the image is nowhere, or is for another processor."""
    hosts = [HostPlan(wanted, observed[host_name]) for host_name in wanted.releases]
    lacking = [host.observed for host in hosts if not host.observed.image]
    changed = any(host.changed_roles for host in hosts)
    rollout = next(iter(wanted.payloads.values())).config.rollout
    alone = 1 if rollout.first_host_first else len(hosts)
    first, others = hosts[:alone], hosts[alone:]
    return Plan(
        release=wanted.release,
        deploy_id=wanted.deploy_id,
        command=wanted.command,
        title=_title(wanted, observed),
        before_commit=_waves(
            [steps_here(wanted.sources, lacking) if changed else ()],
            [host.supply for host in hosts],
            [[step] for host in first for step in host.made],
            [host.freed for host in hosts],
            *_changes(first),
            [[step] for host in others for step in host.made],
            *_changes(others),
        ),
        after_commit=_waves(
            [[step] for host in hosts for step in (*host.commit, *host.retired, *host.pruning)],
        ),
        max_parallel=rollout.max_parallel,
    )


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
    incumbents = [host.incumbent_release for host in observed.values()]
    names = [f"release {r.number} of {r.short_version}" for r in incumbents if r and r.number != release.number]
    before = ", ".join(dict.fromkeys(names))
    replaced = f" replaces {before}" if before else ""
    return f"{wanted.full_name}: release {release.number} of {release.short_version}{replaced}"
