"""What people have set."""

from dataclasses import dataclass

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.dialects import insert
from voicebot.storage import inbox
from voicebot.storage.tables import jobs, outbox, pieces, transcripts, users


@dataclass(frozen=True, kw_only=True)
class User:
    id: int
    speech_language: str | None = None
    """ISO 639-1 code of what this user speaks; None: whatever is heard."""
    timestamps: bool = False
    translate: bool = False
    refused_at: float | None = None
    last_turn: float = 0.0


async def get(connection: AsyncConnection, user_id: int) -> User:
    row = (await connection.execute(select(users).where(users.c.id == user_id))).one_or_none()
    return User(**row._mapping) if row else User(id=user_id)


async def change(connection: AsyncConnection, user_id: int, **changes: str | float | bool | None) -> User:
    first = insert(connection, users).values(id=user_id, **changes)
    changed = first.on_conflict_do_update(index_elements=["id"], set_=changes).returning(*users.c)
    return User(**(await connection.execute(changed)).one()._mapping)


@dataclass(frozen=True, kw_only=True)
class Totals:
    files: int
    seconds: float


async def totals(connection: AsyncConnection, user_id: int | None) -> Totals:
    """What was transcribed for a user, or for all."""
    chosen = select(func.count(), func.coalesce(func.sum(jobs.c.seconds), 0.0)).where(jobs.c.state == "done")
    if user_id is not None:
        chosen = chosen.where(jobs.c.user_id == user_id)
    files, seconds = (await connection.execute(chosen)).one()
    return Totals(files=files, seconds=seconds)


async def forget(connection: AsyncConnection, user_id: int) -> None:
    """All that is known of a user: settings, jobs, what was heard, what is still to be sent about it, what failed."""
    # First nobody's: a worker who is about to write something about one of them has done so now, or finds it gone.
    await connection.execute(update(jobs).where(jobs.c.user_id == user_id).values(state="cancelled", owner=None))
    theirs = select(jobs.c.id).where(jobs.c.user_id == user_id)
    audio = select(jobs.c.file_unique_id).where(jobs.c.user_id == user_id)
    await connection.execute(delete(pieces).where(pieces.c.job_id.in_(theirs)))
    await connection.execute(delete(outbox).where(or_(outbox.c.user_id == user_id, outbox.c.job_id.in_(theirs))))
    await connection.execute(delete(transcripts).where(transcripts.c.file_unique_id.in_(audio)))
    await connection.execute(delete(jobs).where(jobs.c.user_id == user_id))
    await connection.execute(delete(users).where(users.c.id == user_id))
    await inbox.forget(connection, user_id)
