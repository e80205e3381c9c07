"""Updates as Telegram gave them: written before it is told that it may forget them, erased when they are done."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.storage.dialects import insert
from voicebot.storage.tables import inbox

Raw = dict[str, Any]
"""https://core.telegram.org/bots/api#update"""

KNOWN_SECONDS = 7 * 86400
"""How long the number of a done update is known. Telegram gives an update for 24 hours, and restarts its numbers at
random after a week without any: https://core.telegram.org/bots/api#update"""


_DONE = {"state": "done", "raw": None, "error": None}


@dataclass(frozen=True, kw_only=True)
class Received:
    update_id: int
    raw: Raw
    attempts: int


async def accept(connection: AsyncConnection, updates: Sequence[Raw], now: float) -> None:
    """Those that are known already are left as they are: nothing is handled twice."""
    new = {"state": "new", "received_at": now, "attempts": 0, "next_at": 0.0}  # due whatever becomes of the clock
    rows = [{"update_id": raw["update_id"], "raw": raw, **new} for raw in updates]
    await connection.execute(insert(connection, inbox).on_conflict_do_nothing(), rows)


async def next_ones(connection: AsyncConnection, now: float, limit: int) -> list[Received]:
    due = (inbox.c.state == "new") & (inbox.c.next_at <= now)
    chosen = select(inbox.c.update_id, inbox.c.raw, inbox.c.attempts).where(due).order_by(inbox.c.update_id)
    return [
        Received(update_id=row.update_id, raw=row.raw, attempts=row.attempts)
        for row in await connection.execute(chosen.limit(limit))
    ]


async def finish(connection: AsyncConnection, update_id: int) -> bool:
    """Whether it was not done yet. Who else would finish it waits until the transaction ends."""
    return bool((await connection.execute(update(inbox).where(_new(update_id)).values(_DONE))).rowcount)


async def postpone(connection: AsyncConnection, update_id: int, until: float, error: str) -> None:
    tried = {"attempts": inbox.c.attempts + 1, "next_at": until, "error": error}
    await connection.execute(update(inbox).where(_new(update_id)).values(tried))


async def give_up(connection: AsyncConnection, update_id: int, error: str) -> None:
    """It stays, for the owner to see."""
    await connection.execute(update(inbox).where(_new(update_id)).values(state="dead", error=error))


async def forget(connection: AsyncConnection, user_id: int) -> None:
    """What a user sent that could not be handled. Its number stays known."""
    kinds = ("message", "callback_query", "my_chat_member")
    senders = [cast(inbox.c.raw[(kind, "from", "id")].as_string(), BigInteger) for kind in kinds]
    theirs = or_(*(sender == user_id for sender in senders))
    failed = or_(inbox.c.state == "dead", (inbox.c.state == "new") & (inbox.c.attempts > 0))
    await connection.execute(update(inbox).where(failed, theirs).values(_DONE))


async def forget_old(connection: AsyncConnection, now: float, before: float) -> None:
    """What is done, as soon as its number may be used again, and what was given up before that time."""
    done = (inbox.c.state == "done") & (inbox.c.received_at < now - KNOWN_SECONDS)
    dead = (inbox.c.state == "dead") & (inbox.c.received_at < before)
    await connection.execute(delete(inbox).where(or_(done, dead)))


def _new(update_id: int) -> ColumnElement[bool]:
    return (inbox.c.update_id == update_id) & (inbox.c.state == "new")
