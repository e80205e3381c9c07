"""What is wrong with what serves, as it was told: what has to be known at the next look, and after a restart."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from opsbot.alerts import Alert
from opsbot.storage.tables import alerts
from opsbot.watching import Kind

_MOMENTS = ("since", "ended_at", "muted_until")
_FIELDS = frozenset(field.name for field in fields(Alert))


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that is known of one environment."""

    alerts: tuple[Alert, ...]
    messages: Mapping[str, int]
    """By the incidents that they tell of."""


async def known(connection: AsyncConnection, environment: str) -> Known:
    rows = (await connection.execute(select(alerts).where(alerts.c.environment == environment))).all()
    found = [(_alert(row.alert), row.message) for row in rows if _is_known(row.alert)]
    return Known(
        alerts=tuple(alert for alert, _ in found),
        messages={alert.incident: message for alert, message in found if message is not None},
    )


async def keep(connection: AsyncConnection, environment: str, kept: Known) -> None:
    """Nothing else is known of the environment from now on."""
    await connection.execute(delete(alerts).where(alerts.c.environment == environment))
    rows = [
        {
            "key": alert.key,
            "environment": environment,
            "alert": _as_json(alert),
            "message": kept.messages.get(alert.incident),
        }
        for alert in kept.alerts
    ]
    if rows:
        await connection.execute(alerts.insert(), rows)


async def of_message(connection: AsyncConnection, message: int) -> Sequence[Alert]:
    """Those that a message tells of."""
    found = await connection.execute(select(alerts.c.alert).where(alerts.c.message == message))
    return [_alert(stored) for stored in found.scalars() if _is_known(stored)]


async def change(connection: AsyncConnection, changed: Iterable[Alert]) -> None:
    for alert in changed:
        await connection.execute(update(alerts).where(alerts.c.key == alert.key).values(alert=_as_json(alert)))


def _as_json(alert: Alert) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in vars(alert).items()}


def _is_known(stored: Mapping[str, Any]) -> bool:
    """A newer version, which was rolled back, may have kinds of problems that we do not look for."""
    return stored["kind"] in set(Kind)


def _alert(stored: Mapping[str, Any]) -> Alert:
    """Perhaps of a newer version, which knows more of it."""
    moments = {name: datetime.fromisoformat(stored[name]) for name in _MOMENTS if stored.get(name)}
    return Alert(
        **{**{name: stored[name] for name in _FIELDS & stored.keys()}, **moments, "kind": Kind(stored["kind"])}
    )
