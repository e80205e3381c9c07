"""PURE: what people see of an incident."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from html import escape

from opsbot.alerts import UNTIL_ENDED, Alert, Incident
from opsbot.views.pages import Button, Page, Press, page

_MOST_LINES = 10  # with _LONGEST this stays below the 4096 units of https://core.telegram.org/bots/api#sendmessage
_LONGEST = 150


class Mute(StrEnum):
    """What stands behind the number of the message in what a button is about."""

    HOUR = "hour"
    UNTIL_ENDED = "end"
    NOT = "not"


def told(incident: Incident, message: int, now: datetime) -> Page:
    """`message` is the row of the message that shows it, which its buttons name."""
    return page(alert_text(incident, now), buttons=_buttons(incident, message, now))


def replaced(incident: Incident) -> Page:
    """What becomes of a message when a newer one tells the same."""
    return page(f"⚪ <b>{escape(incident.environment)}</b>: this goes on in a newer message")


def named(alerts: Iterable[Alert]) -> str:
    """For the list of who decided what; not HTML."""
    places = (f"{alert.role_name} on {alert.host_name}" if alert.role_name else alert.host_name for alert in alerts)
    return f"alert of {', '.join(dict.fromkeys(places))}"


def alert_text(incident: Incident, now: datetime) -> str:
    """It changes only when the incident does, and at midnight: no time that passes stands in it."""
    shown = sorted(incident.alerts, key=lambda alert: not alert.is_open)
    lines = [_head(incident), *(_line(alert, now) for alert in shown[:_MOST_LINES])]
    if len(shown) > _MOST_LINES:
        lines.append(f"… and {len(shown) - _MOST_LINES} more")
    return "\n".join([*lines, *_notes(incident, now)])


def _buttons(incident: Incident, message: int, now: datetime) -> Iterator[list[Button]]:
    """None when it is over."""
    if not incident.open_alerts:
        return
    if not all(alert.acknowledged_by for alert in incident.open_alerts):
        yield [Button(label="👀 I am at it", press=Press.ACKNOWLEDGE, about=str(message))]
    if all(alert.is_muted(now) for alert in incident.open_alerts):
        yield [_mute("🔔 Unmute", message, Mute.NOT)]
    else:
        yield [_mute("🔕 1 h", message, Mute.HOUR), _mute("🔕 Until it ends", message, Mute.UNTIL_ENDED)]


def _mute(label: str, message: int, mute: Mute) -> Button:
    return Button(label=label, press=Press.MUTE, about=f"{message}.{mute}")


def _head(incident: Incident) -> str:
    environment = f"<b>{escape(incident.environment)}</b>"
    count = len(incident.open_alerts)
    if not count:
        return f"🟢 {environment}: over"
    return f"🔴 {environment}: {count} problem{'s' * (count > 1)}"


def _line(alert: Alert, now: datetime) -> str:
    text = alert.text if len(alert.text) <= _LONGEST else f"{alert.text[:_LONGEST]}…"
    place = f"<b>{escape(alert.role_name)}</b> on {escape(alert.host_name)}"
    place = place if alert.role_name else f"<b>{escape(alert.host_name)}</b>"
    if alert.ended_at:
        lasted = _duration(alert.ended_at - alert.since)
        return f"✅ <s>{place} {escape(text)}</s> (from {_time(alert.since, now)}, for {lasted})"
    return f"• {place} {escape(text)} (since {_time(alert.since, now)})"


def _notes(incident: Incident, now: datetime) -> Iterator[str]:
    people = dict.fromkeys(alert.acknowledged_by for alert in incident.open_alerts if alert.acknowledged_by)
    if people:
        yield f"👀 {escape(', '.join(people))} is at it"
    muted = [
        (alert.muted_until, alert.muted_by) for alert in incident.alerts if alert.muted_until and alert.is_muted(now)
    ]
    if muted:
        until, by = max(muted)
        yield f"🔕 muted by {escape(by)} until {'it ends' if until == UNTIL_ENDED else _time(until, now)}"


def _time(moment: datetime, now: datetime) -> str:
    return f"{moment:%H:%M} UTC" if moment.date() == now.date() else f"{moment:%b %d, %H:%M} UTC"


def _duration(passed: timedelta) -> str:
    minutes = max(round(passed / timedelta(minutes=1)), 1)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"
