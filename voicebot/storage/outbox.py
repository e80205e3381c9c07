"""What is to be sent: written in the transaction that decides it, so that no answer is lost with the process."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.dialects import alone
from voicebot.storage import locks
from voicebot.storage.tables import outbox


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A call of the Bot API: https://core.telegram.org/bots/api#available-methods"""

    chat_id: int
    """Calls of one chat are made one after the other."""
    method: str
    payload: dict[str, Any]
    document: str | None = None
    """Content of the text file that goes with it."""
    job_id: int | None = None
    """The job whose placeholder it sends, or edits."""
    user_id: int | None = None
    """Whose words are in it: it goes with what is known of them."""


@dataclass(frozen=True, kw_only=True)
class Pending(Outgoing):
    id: int
    attempts: int


_COLUMNS = [outbox.c[field.name] for field in fields(Pending)]


async def put(connection: AsyncConnection, calls: Sequence[Outgoing], now: float) -> None:
    new = {"attempts": 0, "created_at": now}
    rows = [{field.name: getattr(call, field.name) for field in fields(Outgoing)} | new for call in calls]
    if rows:
        await connection.execute(insert(outbox), rows)


async def claim(connection: AsyncConnection, owner: int, not_of: Collection[int], limit: int) -> list[Pending]:
    """The first call of each chat, except of these chats, and of those where somebody is at work already."""
    await alone(connection, locks.OUTBOX)  # else two could write to one chat, where a call with a lower id comes later
    other = outbox.alias()
    earlier = exists(select(1).where(other.c.chat_id == outbox.c.chat_id, other.c.id < outbox.c.id))
    at_work = select(other.c.chat_id).where(other.c.owner.is_not(None))
    due = outbox.c.chat_id.not_in(not_of) & outbox.c.chat_id.not_in(at_work) & ~earlier
    chosen = select(outbox.c.id).where(due).order_by(outbox.c.id).limit(limit).with_for_update(skip_locked=True)
    claimed = update(outbox).where(outbox.c.id.in_(chosen.scalar_subquery())).values(owner=owner)
    rows = await connection.execute(claimed.returning(*_COLUMNS))
    return [Pending(**row._mapping) for row in rows]


async def take_back(connection: AsyncConnection, owner: int, at_work: Collection[int]) -> None:
    """What is ours beside these, which we are at: claimed by a commit whose answer was lost, so nobody is at it."""
    unheard_of = (outbox.c.owner == owner) & outbox.c.id.not_in(at_work)
    await connection.execute(update(outbox).where(unheard_of).values(owner=None))


async def remove(connection: AsyncConnection, call: Pending) -> None:
    await connection.execute(delete(outbox).where(outbox.c.id == call.id))


async def give_back(connection: AsyncConnection, call: Pending) -> None:
    again = {"owner": None, "attempts": outbox.c.attempts + 1}
    await connection.execute(update(outbox).where(outbox.c.id == call.id).values(again))


async def owners(connection: AsyncConnection) -> set[int]:
    return set(await connection.scalars(select(outbox.c.owner).where(outbox.c.owner.is_not(None)).distinct()))


async def take_from(connection: AsyncConnection, dead: set[int]) -> None:
    await connection.execute(update(outbox).where(outbox.c.owner.in_(dead)).values(owner=None))
