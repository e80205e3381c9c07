"""Updates as Telegram gave them: written before it is told that it may forget them, erased when they are done."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.storage.tables import inbox

Raw = dict[str, Any]
"""https://core.telegram.org/bots/api#update"""

KNOWN_SECONDS = 7 * 86400
"""How long the number of a done update is known. Telegram gives an update for 24 hours, and restarts its numbers at
random after a week without any: https://core.telegram.org/bots/api#update"""


@dataclass(frozen=True, kw_only=True)
class Received:
    update_id: int
    raw: Raw
    attempts: int


async def accept(connection: AsyncConnection, updates: Sequence[Raw], now: float) -> None:
    """Those that are known already are left as they are: nothing is handled twice."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(inbox).on_conflict_do_nothing()
    new = {"state": "new", "received_at": now, "attempts": 0, "next_at": now}
    await connection.execute(insert, [{"update_id": raw["update_id"], "raw": raw, **new} for raw in updates])


async def next_ones(connection: AsyncConnection, now: float, limit: int) -> list[Received]:
    due = (inbox.c.state == "new") & (inbox.c.next_at <= now)
    chosen = select(inbox.c.update_id, inbox.c.raw, inbox.c.attempts).where(due).order_by(inbox.c.update_id)
    return [
        Received(update_id=row.update_id, raw=row.raw, attempts=row.attempts)
        for row in await connection.execute(chosen.limit(limit))
    ]


async def finish(connection: AsyncConnection, update_id: int) -> None:
    await connection.execute(update(inbox).where(inbox.c.update_id == update_id).values(state="done", raw=None))


async def postpone(connection: AsyncConnection, update_id: int, until: float, error: str) -> None:
    tried = {"attempts": inbox.c.attempts + 1, "next_at": until, "error": error}
    await connection.execute(update(inbox).where(inbox.c.update_id == update_id).values(tried))


async def give_up(connection: AsyncConnection, update_id: int, error: str) -> None:
    """It stays, for the owner to see."""
    await connection.execute(update(inbox).where(inbox.c.update_id == update_id).values(state="dead", error=error))


async def forget_old(connection: AsyncConnection, now: float) -> None:
    await connection.execute(delete(inbox).where(inbox.c.received_at < now - KNOWN_SECONDS, inbox.c.state == "done"))


async def count_waiting(connection: AsyncConnection) -> int:
    found = await connection.scalar(select(func.count()).select_from(inbox).where(inbox.c.state == "new"))
    return found or 0
