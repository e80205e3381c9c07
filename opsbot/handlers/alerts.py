"""The buttons of an alert: who is at it, and until when it makes no sound."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from opsbot.access import may
from opsbot.alerts import UNTIL_ENDED, Alert, Incident
from opsbot.handlers.pressed import NOT_YOURS, OLD, Pressed
from opsbot.storage import alerts
from opsbot.verbs import Verb
from opsbot.views import watch
from opsbot.views.watch import Mute

_HOUR = timedelta(hours=1)


async def acknowledge(pressed: Pressed) -> str:
    by = pressed.person.name
    return await _change(pressed, "acknowledged", lambda alert: replace(alert, acknowledged_by=by))


async def mute(pressed: Pressed) -> str:
    by = pressed.person.name
    match pressed.about.partition(".")[2]:
        case Mute.HOUR:
            until = _now(pressed) + _HOUR
        case Mute.UNTIL_ENDED:
            until = UNTIL_ENDED
        case _:
            return await _change(pressed, "unmuted", lambda alert: replace(alert, muted_until=None))
    return await _change(pressed, "muted", lambda alert: replace(alert, muted_by=by, muted_until=until))


async def _change(pressed: Pressed, decision: str, changed: Callable[[Alert], Alert]) -> str:
    """All that the message tells of, and is not over."""
    if not may(pressed.person, pressed.environment, Verb.MUTE):
        return NOT_YOURS
    message = int(pressed.about.partition(".")[0])
    known = await alerts.of_message(pressed.connection, message)
    affected = [changed(alert) for alert in known if alert.is_open]
    if not affected or not await pressed.is_on(message):
        return OLD
    await alerts.change(pressed.connection, affected)
    await pressed.note_of(watch.named(affected), decision)
    incident = Incident(id=affected[0].incident, alerts=(*affected, *(alert for alert in known if not alert.is_open)))
    page = watch.told(incident, message, _now(pressed))
    await pressed.desk.rewrite(pressed.connection, message, page, pressed.environment)
    return ""


def _now(pressed: Pressed) -> datetime:
    return datetime.fromtimestamp(pressed.now, UTC)
