"""Recordings that are to be transcribed, and what came of them. Their order is in queue.py."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.dialects import insert
from voicebot.storage import heard
from voicebot.storage.tables import jobs, outbox
from voicebot.transcript import Piece, Transcript


class State(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """For good: the owner sees it, and may have it tried again."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody wants to be transcribed, and how."""

    update_id: int
    user_id: int
    chat_id: int
    thread_id: int | None = None
    """The topic of a forum."""
    message_id: int
    ui_language: str
    """As Telegram tells it of the sender: pt-br."""
    file_id: str
    file_unique_id: str
    seconds: float
    speech_language: str | None
    translate: bool
    timestamps: bool
    variant: str
    """All that makes two transcripts of the same audio differ: model, language, task."""


@dataclass(frozen=True, kw_only=True)
class Job(Request):
    id: int
    state: State
    attempts: int
    placeholder_id: int | None
    created_at: float
    error: str | None


COLUMNS = [jobs.c[field.name] for field in fields(Job)]
"""What `read` makes a job of."""


def variant(model: str, translate: bool, speech_language: str | None) -> str:
    return f"{model}:{'translate' if translate else 'transcribe'}:{speech_language or 'auto'}"


async def add_known(connection: AsyncConnection, request: Request, known: Transcript, now: float) -> Job:
    """One that is done already, since the same audio was heard before."""
    done = {"state": State.DONE, "turn": 0.0, "attempts": 0, "next_at": now, "created_at": now, "finished_at": now}
    values = asdict(request) | done | {"seconds": known.duration}
    made = await connection.execute(insert(connection, jobs).values(values).returning(*COLUMNS))
    return read(made.one())


async def get(connection: AsyncConnection, job_id: int) -> Job | None:
    row = (await connection.execute(select(*COLUMNS).where(jobs.c.id == job_id))).one_or_none()
    return read(row) if row else None


async def unfinished(connection: AsyncConnection, user_id: int) -> list[Job]:
    theirs = (jobs.c.user_id == user_id) & jobs.c.state.in_((State.WAITING, State.RUNNING))
    return [read(row) for row in await connection.execute(select(*COLUMNS).where(theirs))]


async def count_attempt(connection: AsyncConnection, job: Job, owner: int) -> None:
    """Before its file is opened: if we die, that may be what we died of. What happens before is not the job's fault."""
    await connection.execute(update(jobs).where(_ours(job, owner)).values(attempts=job.attempts + 1))


async def save_piece(connection: AsyncConnection, job: Job, owner: int, number: int, piece: Piece) -> bool:
    """Whether the job is still ours: it may have been cancelled. It has got on, so this is its first attempt."""
    got_on = update(jobs).where(_ours(job, owner)).values(attempts=1)  # and who ends it meanwhile waits for this piece
    if not (await connection.execute(got_on)).rowcount:
        return False
    await heard.add_piece(connection, job.id, number, piece)
    return True


async def finish(connection: AsyncConnection, job: Job, owner: int, transcript: Transcript, now: float) -> bool:
    """Whether it was still ours. What was heard is kept for the same audio sent again."""
    done = {"state": State.DONE, "seconds": transcript.duration, "error": None}
    if not await _end(connection, job, owner, now, done):
        return False
    await heard.keep(connection, job.file_unique_id, job.variant, transcript, now)
    return True


async def fail(connection: AsyncConnection, job: Job, owner: int, error: str, now: float) -> bool:
    return await _end(connection, job, owner, now, {"state": State.FAILED, "error": error})


async def refuse(connection: AsyncConnection, job: Job, owner: int, now: float) -> bool:
    """Ends a job whose file is of no use, which is nobody's concern but its sender's."""
    return await _end(connection, job, owner, now, {"state": State.CANCELLED})


async def give_back(connection: AsyncConnection, job: Job, owner: int, *, at: float, error: str | None = None) -> None:
    """For another try at that time. Without an error none has failed so far: whoever gives it back is alive."""
    attempts = job.attempts + 1 if error else 0
    waits = {"state": State.WAITING, "owner": None, "attempts": attempts, "next_at": at, "error": error}
    await connection.execute(update(jobs).where(_ours(job, owner)).values(waits))


async def cancel(connection: AsyncConnection, job_id: int, now: float) -> bool:
    """Whether it was not over yet."""
    unfinished = (jobs.c.id == job_id) & jobs.c.state.in_((State.WAITING, State.RUNNING))
    ended = {"state": State.CANCELLED, "owner": None, "finished_at": now}
    cancelled = await connection.execute(update(jobs).where(unfinished).values(ended))
    await heard.forget_pieces(connection, job_id)
    return bool(cancelled.rowcount)


async def cancel_chat(connection: AsyncConnection, chat_id: int, now: float) -> None:
    """All of a chat, where nothing can be said any more."""
    waiting = (jobs.c.chat_id == chat_id) & (jobs.c.state == State.WAITING)
    cancelled = update(jobs).where(waiting).values(state=State.CANCELLED, finished_at=now).returning(jobs.c.id)
    for job_id in (await connection.scalars(cancelled)).all():
        await heard.forget_pieces(connection, job_id)


async def retry(connection: AsyncConnection, job_id: int, now: float) -> bool:
    """Whether there was such a failed one."""
    failed = (jobs.c.id == job_id) & (jobs.c.state == State.FAILED)
    again = {"state": State.WAITING, "attempts": 0, "next_at": now, "error": None}
    return bool((await connection.execute(update(jobs).where(failed).values(again))).rowcount)


async def failed(connection: AsyncConnection, limit: int) -> Sequence[Job]:
    """The newest first."""
    chosen = select(*COLUMNS).where(jobs.c.state == State.FAILED).order_by(jobs.c.id.desc()).limit(limit)
    return [read(row) for row in await connection.execute(chosen)]


async def count(connection: AsyncConnection, state: State) -> int:
    return await connection.scalar(select(func.count()).where(jobs.c.state == state)) or 0


async def set_placeholder(connection: AsyncConnection, job_id: int, message_id: int) -> None:
    await connection.execute(update(jobs).where(jobs.c.id == job_id).values(placeholder_id=message_id))


async def forget_old(connection: AsyncConnection, before: float) -> None:
    """Except of what is still to be said about them: that goes by the message which the job names."""
    over = jobs.c.state.in_((State.DONE, State.FAILED, State.CANCELLED))
    unsaid = jobs.c.id.in_(select(outbox.c.job_id).where(outbox.c.job_id.is_not(None)))
    await connection.execute(delete(jobs).where(over, jobs.c.created_at < before, ~unsaid))


async def _end(connection: AsyncConnection, job: Job, owner: int, now: float, values: dict[str, Any]) -> bool:
    ended = update(jobs).where(_ours(job, owner)).values(**values, owner=None, finished_at=now)
    was_ours = bool((await connection.execute(ended)).rowcount)
    if was_ours:
        await heard.forget_pieces(connection, job.id)
    return was_ours


def _ours(job: Job, owner: int) -> ColumnElement[bool]:
    return (jobs.c.id == job.id) & (jobs.c.owner == owner) & (jobs.c.state == State.RUNNING)


def read(row: Row[Any]) -> Job:
    known = {column.name: row._mapping[column] for column in COLUMNS}
    return Job(**{**known, "state": State(row.state)})
