"""Messages as what they are to show. screen.py brings Telegram there: the newest counts, the last is never lost."""

import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import case, delete, select, true, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from opsbot.storage.tables import messages

Change: TypeAlias = Callable[[AsyncConnection], Awaitable[None]]
Keyboard: TypeAlias = tuple[tuple[tuple[str, str], ...], ...]
"""Rows of buttons: text, and what comes back when one is pressed."""
_IS_BEHIND = messages.c.wanted != messages.c.shown


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a message goes."""

    chat_id: int
    thread_id: int | None = None
    reply_to: int | None = None


@dataclass(frozen=True, kw_only=True)
class View:
    """What a message shows."""

    text: str
    """HTML, as Telegram knows it."""
    keyboard: Keyboard = ()
    document: str | None = None
    """Content of a text file that the text is the caption of; only of a message that is not sent yet."""
    file_name: str = ""


@dataclass(frozen=True, kw_only=True)
class Pending:
    """One whose message does not show yet what it is to show."""

    id: int
    place: Place
    telegram_id: int | None
    view: View
    urgent: bool
    wanted: int
    attempts: int


async def add(connection: AsyncConnection, place: Place, view: View, now: float) -> int:
    """The row of a message that is to be sent."""
    values = {
        "chat_id": place.chat_id,
        "thread_id": place.thread_id,
        "reply_to": place.reply_to,
        **_shown(view),
        "urgent": True,
        "wanted": 1,
        "shown": 0,
        "attempts": 0,
        "behind_since": now,
        "created_at": now,
    }
    made = await connection.execute(messages.insert().values(values).returning(messages.c.id))
    return int(made.scalar_one())


async def show(connection: AsyncConnection, message: int, view: View, *, urgent: bool = True) -> None:
    """From now on. What is not urgent waits until Telegram has time for it, and the next one may take its place.

    What takes the place of something urgent is urgent too, and has waited as long.
    """
    changed = {
        **_shown(view),
        "urgent": true() if urgent else _IS_BEHIND & messages.c.urgent,
        "wanted": messages.c.wanted + 1,
        "attempts": 0,
        "behind_since": case((_IS_BEHIND, messages.c.behind_since), else_=time.time()),
    }
    await connection.execute(update(messages).where(messages.c.id == message).values(changed))


async def behind(connection: AsyncConnection, but: Collection[int]) -> list[Pending]:
    """Those that nobody is at, and not in these chats; what is urgent comes first, and then who has waited longest."""
    chosen = select(messages).where(_IS_BEHIND, messages.c.owner.is_(None), messages.c.chat_id.not_in(but))
    ordered = chosen.order_by(messages.c.urgent.desc(), messages.c.behind_since, messages.c.id)
    return [_pending(row) for row in await connection.execute(ordered)]


async def claim(connection: AsyncConnection, due: Iterable[Pending], owner: int) -> None:
    """In the transaction that has found them."""
    numbers = [pending.id for pending in due]
    await connection.execute(update(messages).where(messages.c.id.in_(numbers)).values(owner=owner))


async def owners(connection: AsyncConnection) -> set[int]:
    """The processes that are at some."""
    chosen = select(messages.c.owner).where(_IS_BEHIND, messages.c.owner.is_not(None)).distinct()
    return set((await connection.execute(chosen)).scalars())


async def take_back(connection: AsyncConnection, owner: int) -> None:
    """What a process that died was at."""
    await connection.execute(update(messages).where(messages.c.owner == owner).values(owner=None))


async def shown(connection: AsyncConnection, pending: Pending, telegram_id: int | None) -> None:
    """What was pending is shown; it may be to show something newer by now. The content of a file is not kept."""
    noted = {
        "shown": pending.wanted,
        "telegram_id": telegram_id,
        "document": None,
        "attempts": 0,
        "behind_since": time.time(),
        "owner": None,
    }
    await connection.execute(update(messages).where(messages.c.id == pending.id).values(noted))


async def failed(connection: AsyncConnection, pending: Pending) -> None:
    """Others in its chat are tried before it is tried again."""
    counted = {"attempts": messages.c.attempts + 1, "behind_since": time.time(), "owner": None}
    await connection.execute(update(messages).where(messages.c.id == pending.id).values(counted))


async def put_back(connection: AsyncConnection, pending: Pending) -> None:
    """It was not its turn."""
    await connection.execute(update(messages).where(messages.c.id == pending.id).values(owner=None))


async def give_up(connection: AsyncConnection, pending: Pending) -> None:
    """Telegram does not take it. It may take what comes next."""
    given_up = {"shown": pending.wanted, "document": None, "owner": None}
    await connection.execute(update(messages).where(messages.c.id == pending.id).values(given_up))


async def lost(connection: AsyncConnection, pending: Pending) -> None:
    """It is there no more, or cannot be changed any more: it is sent anew."""
    await connection.execute(update(messages).where(messages.c.id == pending.id).values(telegram_id=None, owner=None))


async def number(connection: AsyncConnection, message: int) -> int | None:
    """Its number in the chat, if it was sent."""
    found = await connection.execute(select(messages.c.telegram_id).where(messages.c.id == message))
    return found.scalar_one_or_none()


async def place(connection: AsyncConnection, message: int) -> Place | None:
    row = (await connection.execute(select(messages).where(messages.c.id == message))).one_or_none()
    return Place(chat_id=row.chat_id, thread_id=row.thread_id, reply_to=row.reply_to) if row else None


async def move(connection: AsyncConnection, old_id: int, new_id: int) -> None:
    """A group has another number now, and its messages have other ones: they are sent anew."""
    moved = {"chat_id": new_id, "telegram_id": None, "reply_to": None, "owner": None}
    await connection.execute(update(messages).where(messages.c.chat_id == old_id).values(moved))


async def forget_old(connection: AsyncConnection, before: float) -> None:
    await connection.execute(delete(messages).where(messages.c.created_at < before))


def _shown(view: View) -> dict[str, object]:
    return {
        "text": view.text,
        "buttons": view.keyboard,
        "document": view.document,
        "file_name": view.file_name,
    }


def _pending(row: Row[Any]) -> Pending:
    return Pending(
        id=row.id,
        place=Place(chat_id=row.chat_id, thread_id=row.thread_id, reply_to=row.reply_to),
        telegram_id=row.telegram_id,
        view=View(
            text=row.text,
            keyboard=tuple(tuple((text, data) for text, data in buttons) for buttons in row.buttons),
            document=row.document,
            file_name=row.file_name,
        ),
        urgent=row.urgent,
        wanted=row.wanted,
        attempts=row.attempts,
    )
