"""What people have set."""

from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

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
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(users)
    await connection.execute(insert.values(id=user_id).on_conflict_do_nothing())
    await connection.execute(update(users).where(users.c.id == user_id).values(changes))
    return await get(connection, user_id)


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
    """All that is known of a user: settings, jobs, what was heard, and what is still to be sent about it."""
    theirs = select(jobs.c.id).where(jobs.c.user_id == user_id)
    heard = select(jobs.c.file_unique_id).where(jobs.c.user_id == user_id)
    await connection.execute(delete(pieces).where(pieces.c.job_id.in_(theirs)))
    await connection.execute(delete(outbox).where(outbox.c.job_id.in_(theirs)))
    await connection.execute(delete(transcripts).where(transcripts.c.file_unique_id.in_(heard)))
    await connection.execute(delete(jobs).where(jobs.c.user_id == user_id))
    await connection.execute(delete(users).where(users.c.id == user_id))
