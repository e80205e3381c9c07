"""PURE: what is told of problems, and when: `(known alerts, look, now) → changes`.

An alert is one problem, from its first sight to its end: a row of a table. What is first told after one look is one
incident, and one message, however many alerts it has: a database that fails takes ten roles with it. The message is
edited as its alerts change, and a new one is sent only for what is new: that makes a sound.

Who acknowledges or mutes sets the field of all alerts of the incident; the next step goes by it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from opsbot.watching import Kind, Look, Problem

UNTIL_ENDED = datetime.max.replace(tzinfo=UTC)
"""For `Alert.muted_until`."""

_SIGHTINGS = 2  # in a row, until it is told: one lost packet is no problem
_ABSENCES = 2  # in a row, until it is over


@dataclass(frozen=True, kw_only=True)
class Alert:
    key: str
    environment: str
    kind: Kind
    host_name: str
    role_name: str
    text: str
    since: datetime
    """When it was first seen."""
    sightings: int = 1
    """In a row, until it is told."""
    absences: int = 0
    """In a row, since it was told."""
    incident: str = ""
    """The message that tells of it; empty until it is told."""
    ended_at: datetime | None = None
    acknowledged_by: str = ""
    """Who is at it: a display name, to be escaped."""
    muted_by: str = ""
    """As above; of interest only while it is muted."""
    muted_until: datetime | None = None
    """When that is over and it still lasts, it is told anew; when it ends before and comes back, it is not. UNTIL_ENDED
    ends with it. What changes is edited all the same, since that makes no sound."""

    @property
    def is_told(self) -> bool:
        return bool(self.incident)

    @property
    def is_open(self) -> bool:
        return self.is_told and self.ended_at is None

    def is_muted(self, now: datetime) -> bool:
        if self.muted_until == UNTIL_ENDED:
            return self.ended_at is None
        return self.muted_until is not None and now < self.muted_until


@dataclass(frozen=True, kw_only=True)
class Incident:
    """What one message tells."""

    id: str
    alerts: tuple[Alert, ...]

    @property
    def environment(self) -> str:
        return self.alerts[0].environment

    @property
    def open_alerts(self) -> tuple[Alert, ...]:
        return tuple(alert for alert in self.alerts if alert.is_open)


@dataclass(frozen=True, kw_only=True)
class Changes:
    known: tuple[Alert, ...]
    """All that is to be known at the next look; alerts that are not among them may be forgotten."""
    new: tuple[Incident, ...]
    """To be sent."""
    updated: tuple[Incident, ...]
    """To be edited."""
    ended: tuple[Incident, ...]
    """To be edited, with no buttons: all of it is over. One that is muted may come back among the updated."""
    replaced: tuple[Incident, ...]
    """To be edited, with no buttons: what is in it has come back, or its mute is over, so a new one tells it."""


def step(known: Sequence[Alert], look: Look, now: datetime) -> Changes:
    """`known` are the alerts of the environment that was looked at."""
    before = {alert.key: alert for alert in _without_old(known, now)}
    problems = {problem.key: problem for problem in look.problems}
    new_id = f"{look.problems[0].environment}@{now.isoformat()}" if look.problems else ""
    after = [_seen(before.get(key), problem, new_id, now) for key, problem in problems.items()]
    after += [kept for key, alert in before.items() if key not in problems for kept in _not_seen(alert, look, now)]
    return _changes(before, tuple(after))


def incidents_of(alerts: Iterable[Alert]) -> dict[str, Incident]:
    """By their ids."""
    told: dict[str, list[Alert]] = {}
    for alert in sorted(alerts, key=lambda alert: (alert.host_name, alert.role_name, alert.kind)):
        if alert.is_told:
            told.setdefault(alert.incident, []).append(alert)
    return {id_: Incident(id=id_, alerts=tuple(each)) for id_, each in told.items()}


def _without_old(known: Sequence[Alert], now: datetime) -> list[Alert]:
    """An alert that is over is of use while its message has others that are not, or while it is muted."""
    lasting = {alert.incident for alert in known if alert.is_open}
    return [alert for alert in known if not alert.ended_at or alert.incident in lasting or alert.is_muted(now)]


def _seen(alert: Alert | None, problem: Problem, new_id: str, now: datetime) -> Alert:
    if alert is None:
        return Alert(
            key=problem.key,
            environment=problem.environment,
            kind=problem.kind,
            host_name=problem.host_name,
            role_name=problem.role_name,
            text=problem.text,
            since=now,
        )
    if alert.ended_at:
        return _seen_again(alert, problem, new_id, now)
    seen = replace(alert, kind=problem.kind, text=problem.text, sightings=alert.sightings + 1, absences=0)
    if not seen.is_told:
        return replace(seen, incident=new_id) if seen.sightings >= _SIGHTINGS else seen
    if seen.muted_until and not seen.is_muted(now):
        return replace(seen, incident=new_id, muted_until=None)
    return seen


def _seen_again(alert: Alert, problem: Problem, new_id: str, now: datetime) -> Alert:
    """It was over. While it is muted it goes on in its message."""
    sightings = alert.sightings + 1
    if sightings < _SIGHTINGS:
        return replace(alert, sightings=sightings)
    return replace(
        alert,
        kind=problem.kind,
        text=problem.text,
        since=now,
        sightings=sightings,
        absences=0,
        ended_at=None,
        acknowledged_by="",
        incident=alert.incident if alert.is_muted(now) else new_id,
        muted_until=alert.muted_until if alert.is_muted(now) else None,
    )


def _not_seen(alert: Alert, look: Look, now: datetime) -> list[Alert]:
    """Nothing where it was never told."""
    if not alert.is_told:
        return []
    if alert.ended_at:
        return [replace(alert, sightings=0)]
    if not look.judges(alert.kind, alert.host_name):
        return [alert]
    absences = alert.absences + 1
    if absences < _ABSENCES:
        return [replace(alert, absences=absences)]
    return [replace(alert, absences=absences, sightings=0, ended_at=now)]


def _changes(before: dict[str, Alert], after: tuple[Alert, ...]) -> Changes:
    was, now = incidents_of(before.values()), incidents_of(after)
    changed = [incident for id_, incident in now.items() if id_ not in was or _shown(was[id_]) != _shown(incident)]
    left = [incident for id_, incident in was.items() if id_ not in now]  # all of it is told anew
    return Changes(
        known=after,
        new=tuple(incident for incident in changed if incident.id not in was),
        updated=tuple(incident for incident in changed if incident.id in was and incident.open_alerts),
        ended=tuple(incident for incident in changed if incident.id in was and not incident.open_alerts),
        replaced=tuple(left),
    )


def _shown(incident: Incident) -> list[Alert]:
    """What can be seen of it, which is not how often it was looked at."""
    return [replace(alert, sightings=0, absences=0) for alert in incident.alerts]
