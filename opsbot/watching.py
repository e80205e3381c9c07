"""PURE: what is wrong with what serves: `shipper.status` → problems.

A problem has a key that stays the same while its words change. There is one for each role on each host, however many
things are wrong with it, and a host that cannot be reached has only that one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shipper import HEALTHY, Container, HostStatus, RoleStatus

LONGEST_DEPLOY = timedelta(minutes=15)
"""For which a holder of the lock excuses what is seen: a deploy stops and starts things, and tells of them itself."""

_WINDOW = timedelta(minutes=10)  # in which restarts are counted
_RESTARTS = 2  # within the window: one is an accident, and what came of it is seen by the gate
_DISK_SLACK = 3  # percent under its limit that end the problem: else a disk at its limit would tell of itself all night


class Kind(StrEnum):
    UNREACHABLE = "unreachable"
    DISK = "disk"
    DOWN = "down"
    RESTARTING = "restarting"
    UNHEALTHY = "unhealthy"
    INACTIVE = "inactive"
    """It hands over, and has no lease."""
    STOPPED = "stopped"
    """By hand."""
    DRIFT = "drift"
    """What serves is not the last release."""


_OF_SERVICE = (Kind.DOWN, Kind.RESTARTING, Kind.UNHEALTHY, Kind.INACTIVE)  # what a role may go to and fro between


@dataclass(frozen=True, kw_only=True)
class Problem:
    environment: str
    kind: Kind
    host_name: str
    role_name: str = ""
    """Empty where the host itself has it."""
    text: str
    """Goes on a sentence that begins with the role and the host."""

    @property
    def key(self) -> str:
        aspect = "service" if self.kind in _OF_SERVICE else self.kind.value
        return "/".join((self.environment, self.host_name, self.role_name, aspect))


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What must be known of the looks before. It may be lost: then a few things are seen later."""

    restarts: Mapping[str, tuple[tuple[datetime, int], ...]] = field(default_factory=dict)
    """Of each container by its id: when, and how many there had been."""
    holders: Mapping[str, tuple[str, datetime]] = field(default_factory=dict)
    """Of each host's lock: who has it, and when they were first seen; by our clock, as theirs may be wrong."""
    full_disks: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at an environment."""

    problems: tuple[Problem, ...]
    unseen_hosts: frozenset[str]
    """Of which nothing is known now, but that they cannot be reached."""
    is_deploying: bool
    """Nothing is said of roles."""
    memory: Memory

    def judges(self, kind: Kind, host_name: str) -> bool:
        """Whether a problem of that kind would have been seen; if not, its absence means nothing."""
        if kind is Kind.UNREACHABLE:
            return True
        if host_name in self.unseen_hosts or (kind is Kind.DRIFT and self.unseen_hosts):
            return False
        return kind is Kind.DISK or not self.is_deploying


def look(environment: str, hosts: Sequence[HostStatus], memory: Memory, *, disk: int, now: datetime) -> Look:
    """`hosts` are all of the environment, those that cannot be reached too; `disk` is in percent."""
    seen = [host for host in hosts if not host.problem]
    unseen = frozenset(host.host_name for host in hosts) - {host.host_name for host in seen}
    remembered = _remembered(hosts, memory, disk, now)
    is_deploying = any(now - since < LONGEST_DEPLOY for _, since in remembered.holders.values())
    found = [*_of_hosts(environment, hosts, remembered)]
    if not is_deploying:
        roles = [role for host in seen for role in host.roles]
        newest = _newest(roles)
        found += [problem for role in roles for problem in _of_role(environment, role, newest, remembered)]
    return Look(problems=tuple(found), unseen_hosts=unseen, is_deploying=is_deploying, memory=remembered)


def _remembered(hosts: Sequence[HostStatus], memory: Memory, disk: int, now: datetime) -> Memory:
    return Memory(
        restarts=_counted(hosts, memory, now),
        holders={host.host_name: _held(host, memory, now) for host in hosts if host.holder},
        full_disks=frozenset(host.host_name for host in hosts if _is_full(host, memory, disk)),
    )


def _counted(hosts: Sequence[HostStatus], memory: Memory, now: datetime) -> dict[str, tuple[tuple[datetime, int], ...]]:
    """With those of containers that are not seen now: they may be on a host that comes back."""
    counts = {
        container_id: young
        for container_id, old in memory.restarts.items()
        if (young := tuple((at, count) for at, count in old if now - at < _WINDOW))
    }
    for container in (role.container for host in hosts for role in host.roles):
        if container:
            counts[container.id] = (*counts.get(container.id, ()), (now, container.restarts))
    return counts


def _held(host: HostStatus, memory: Memory, now: datetime) -> tuple[str, datetime]:
    holder = str(host.holder)
    before, since = memory.holders.get(host.host_name, ("", now))
    return holder, since if holder == before else now


def _is_full(host: HostStatus, memory: Memory, disk: int) -> bool:
    was_full = host.host_name in memory.full_disks
    if not host.disk:
        return was_full
    return host.disk.used_percent >= disk - _DISK_SLACK * was_full


def _of_hosts(environment: str, hosts: Sequence[HostStatus], memory: Memory) -> Iterator[Problem]:
    for host in hosts:
        if host.problem:
            why = f"cannot be looked at: {host.problem.removeprefix(f'{host.host_name}: ')}"
            yield Problem(environment=environment, kind=Kind.UNREACHABLE, host_name=host.host_name, text=why)
        elif host.disk and host.host_name in memory.full_disks:
            text = f"has a disk that is {host.disk.used_percent} % full: {host.disk.free / 1e9:.0f} GB are free"
            yield Problem(environment=environment, kind=Kind.DISK, host_name=host.host_name, text=text)


def _of_role(environment: str, role: RoleStatus, newest: RoleStatus | None, memory: Memory) -> Iterator[Problem]:
    for found in (_of_service(role, memory), _of_release(role, newest)):
        if found:
            kind, text = found
            yield Problem(
                environment=environment, kind=kind, host_name=role.host_name, role_name=role.role_name, text=text
            )


def _of_service(role: RoleStatus, memory: Memory) -> tuple[Kind, str] | None:
    """The worst that is wrong with it."""
    container = role.container
    if role.stopped:
        return None
    if not container:
        return (Kind.DOWN, f"is down: {role.health}") if role.expected else None
    restarts = container.restarts - memory.restarts[container.id][0][1]
    if restarts >= _RESTARTS or container.state == "restarting":
        times = f" {restarts} times in {_WINDOW // timedelta(minutes=1)} minutes" if restarts >= _RESTARTS else ""
        return Kind.RESTARTING, f"was restarted by Docker{times}; now: {role.health}"
    if not container.is_running or container.state == "paused":
        return Kind.DOWN, f"is down: {role.health}"
    if role.health != HEALTHY:
        return Kind.UNHEALTHY, f"is not well: {role.health}"
    if role.handover not in ("", "active"):
        return Kind.INACTIVE, f"runs, but is {role.handover} instead of active"
    return None


def _of_release(role: RoleStatus, newest: RoleStatus | None) -> tuple[Kind, str] | None:
    """`newest` is of the deploy that was the last to come to its end, whichever role and host it was for."""
    container = role.container
    if not container:
        return None
    if role.stopped:
        at = f" at {container.ended_at:%H:%M} UTC" if container.ended_at else ""
        return Kind.STOPPED, f"was stopped by hand{at}"
    if not role.finished:
        return Kind.DRIFT, f"serves {_release(container)}, whose deploy did not come to its end"
    if not role.expected:
        return Kind.DRIFT, f"serves {_release(container)}, though the last release has no such role there"
    if newest and newest.container and newest.container.release_number != container.release_number:
        where = f"{newest.role_name} on {newest.host_name}"
        return Kind.DRIFT, f"serves {_release(container)}, but {where} {_release(newest.container)}"
    return None


def _newest(roles: Sequence[RoleStatus]) -> RoleStatus | None:
    ended = [(c.deploy_id, c.release_number, role) for role in roles if (c := role.container) and role.finished]
    return max(ended, key=lambda each: each[:2])[2] if ended else None


def _release(container: Container) -> str:
    return f"release {container.release_number} ({container.short_version})"
