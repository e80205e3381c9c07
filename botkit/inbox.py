"""Updates as Telegram gave them: written before it is told that it may forget them, erased when they are done."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.dialects import NUMBER, insert

Raw = dict[str, Any]
"""https://core.telegram.org/bots/api#update"""

KNOWN_SECONDS = 7 * 86400
"""How long the number of a done update is known. Telegram gives an update for 24 hours, and restarts its numbers at
random after a week without any: https://core.telegram.org/bots/api#update"""

DONE = {"state": "done", "raw": None, "error": None}


def inbox_table(metadata: MetaData) -> Table:
    """A change here needs a migration in each bot."""
    return Table(
        "inbox",
        metadata,
        Column("update_id", NUMBER, primary_key=True, autoincrement=False),
        # erased once it is done: the number alone keeps the update from being handled twice
        Column("raw", JSON(none_as_null=True)),
        Column("state", Text, nullable=False),
        Column("received_at", Float, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("next_at", Float, nullable=False),
        Column("error", Text),
        Index("inbox_by_state", "state", "update_id"),
    )


@dataclass(frozen=True, kw_only=True)
class Received:
    update_id: int
    raw: Raw
    attempts: int


class Inbox:
    def __init__(self, table: Table) -> None:
        self._table = table
        self._columns = table.c

    async def accept(self, connection: AsyncConnection, updates: Sequence[Raw], now: float) -> None:
        """Those that are known already are left as they are: nothing is handled twice."""
        new = {"state": "new", "received_at": now, "attempts": 0, "next_at": 0.0}  # due whatever becomes of the clock
        rows = [{"update_id": raw["update_id"], "raw": raw, **new} for raw in updates]
        await connection.execute(insert(connection, self._table).on_conflict_do_nothing(), rows)

    async def next_ones(self, connection: AsyncConnection, now: float, limit: int) -> list[Received]:
        of = self._columns
        due = (of.state == "new") & (of.next_at <= now)
        chosen = select(of.update_id, of.raw, of.attempts).where(due).order_by(of.update_id)
        return [
            Received(update_id=row.update_id, raw=row.raw, attempts=row.attempts)
            for row in await connection.execute(chosen.limit(limit))
        ]

    async def finish(self, connection: AsyncConnection, update_id: int) -> bool:
        """Whether it was not done yet. Who else would finish it waits until the transaction ends."""
        finished = update(self._table).where(self._is_new(update_id)).values(DONE)
        return bool((await connection.execute(finished)).rowcount)

    async def postpone(self, connection: AsyncConnection, update_id: int, until: float, error: str) -> None:
        tried = {"attempts": self._columns.attempts + 1, "next_at": until, "error": error}
        await connection.execute(update(self._table).where(self._is_new(update_id)).values(tried))

    async def give_up(self, connection: AsyncConnection, update_id: int, error: str) -> None:
        """It stays, for the owner to see."""
        given_up = update(self._table).where(self._is_new(update_id)).values(state="dead", error=error)
        await connection.execute(given_up)

    async def forget_old(self, connection: AsyncConnection, now: float, before: float) -> None:
        """What is done, as soon as its number may be used again, and what was given up before that time."""
        of = self._columns
        done = (of.state == "done") & (of.received_at < now - KNOWN_SECONDS)
        dead = (of.state == "dead") & (of.received_at < before)
        await connection.execute(delete(self._table).where(or_(done, dead)))

    def _is_new(self, update_id: int) -> ColumnElement[bool]:
        return (self._columns.update_id == update_id) & (self._columns.state == "new")
