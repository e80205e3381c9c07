"""PURE: what became of a request that opsbot did not see the end of, as the hosts tell it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import shipper
from opsbot.projects import ORIGIN
from opsbot.storage.requests import Request
from opsbot.verbs import Verb
from opsbot.views.words import performer

_NOT_ENDED = ("unfinished", "under way")
_BADLY = ("failed", "interrupted")


class State(StrEnum):
    """What became of it."""

    HELD = "held"
    """It did not come to its end, and somebody has the lock: what is true now may not be true in a moment."""
    NOTHING = "nothing"
    """It had begun nothing."""
    WELL = "well"
    BADLY = "badly"
    OVERTAKEN = "overtaken"
    """It did not come to its end, and something else was done since then."""
    OLD = "old"
    """It did not come to its end; nothing of it serves."""
    MIXED = "mixed"
    """… what serves is old here and new there, or does not serve at all."""
    NEW = "new"
    """… only what it brought serves."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What all hosts of the environment tell."""

    past: tuple[shipper.PastDeploy, ...]
    """The oldest first."""
    releases: Mapping[str, shipper.Observed]
    hosts: tuple[shipper.HostStatus, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What serves in a role on a host."""

    role: shipper.RoleStatus
    is_new: bool
    """The request has brought it."""


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    state: State
    rows: tuple[Row, ...] = ()
    back_to: int | None = None
    """The release that served before a deploy that came to no end, where something of it serves."""
    later: shipper.PastDeploy | None = None
    """The last thing that was done since then."""
    holder: shipper.Holder | None = None


def aftermath(request: Request, seen: Seen) -> Aftermath:
    ours = _ours(request, seen.past)
    holder = next((host.holder for host in seen.hosts if host.holder), None)
    if not ours:
        return Aftermath(state=State.HELD if holder else State.NOTHING, holder=holder)
    rows = tuple(_rows(request, ours[0].deploy_id, seen.hosts))
    later = next((past for past in reversed(seen.past) if past not in ours and past.begun_at > ours[-1].begun_at), None)
    outcomes = {past.outcome for past in ours}
    if not outcomes.intersection(_NOT_ENDED):
        return Aftermath(state=State.BADLY if outcomes.intersection(_BADLY) else State.WELL, rows=rows, later=later)
    if holder:
        return Aftermath(state=State.HELD, rows=rows, holder=holder)
    if later:
        return Aftermath(state=State.OVERTAKEN, rows=rows, later=later)
    before = _before(request, seen.releases)
    state = _in_the_middle(rows, before)
    return Aftermath(state=state, rows=rows, back_to=None if state is State.OLD else before)


def _ours(request: Request, past: tuple[shipper.PastDeploy, ...]) -> list[shipper.PastDeploy]:
    """Its entries in the journals, where the time is ours: nobody else acts for that person from here."""
    since, who = request.begun_at or 0.0, performer(request)
    found = [p for p in past if (p.performer, p.origin) == (who, ORIGIN) and p.begun_at.timestamp() >= since]
    return [p for p in found if p.deploy_id == found[0].deploy_id]


def _rows(request: Request, deploy_id: str, hosts: tuple[shipper.HostStatus, ...]) -> Iterator[Row]:
    for role in (role for host in hosts for role in host.roles):
        if request.command.role in ("", role.role_name):
            yield Row(role=role, is_new=role.container is not None and _is_new(request, deploy_id, role.container))


def _is_new(request: Request, deploy_id: str, container: shipper.Container) -> bool:
    """A deploy leaves alone what serves of its release already; what a restart replaces is of the same one."""
    is_of_release = request.verb is not Verb.RESTART and container.release_number == request.release
    return is_of_release or container.deploy_id == deploy_id


def _before(request: Request, releases: Mapping[str, shipper.Observed]) -> int | None:
    """What the hosts replaced by it, if that was the same everywhere."""
    if request.verb is not Verb.DEPLOY or request.release is None:
        return None
    records = [record for host in releases.values() if (record := host.release(request.release))]
    replaced = {record.replaces for record in records} - {None}
    return replaced.pop() if len(replaced) == 1 else None


def _in_the_middle(rows: tuple[Row, ...], before: int | None) -> State:
    """What the release that was deployed last has no use for, like a role that is new, says nothing."""
    counting = [row for row in rows if row.role.expected]
    if counting and all(row.is_new for row in counting):
        return State.NEW
    served = before is None or all(row.role.container for row in counting)
    return State.OLD if served and not any(row.is_new for row in counting) else State.MIXED
