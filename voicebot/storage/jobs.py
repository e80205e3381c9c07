"""Files that are to be transcribed, in a fair order, and what came of them.

The order is start-time fair queueing (Goyal, Vin, Cheng 1996): a file's turn is where its sender's last one ended, in
seconds of audio, but not before what is served now. So one who sends a hundred files waits behind his own.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.storage import users
from voicebot.storage.tables import jobs, pieces, transcripts
from voicebot.transcript import Piece, Segment, Transcript


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


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a limit looks at."""

    waiting: int
    waiting_of_user: int
    seconds_of_user: float
    """Accepted in the last 24 hours."""


_COLUMNS = [jobs.c[field.name] for field in fields(Job)]


def variant(model: str, translate: bool, speech_language: str | None) -> str:
    return f"{model}:{'translate' if translate else 'transcribe'}:{speech_language or 'auto'}"


async def usage(connection: AsyncConnection, user_id: int, now: float) -> Usage:
    unfinished = jobs.c.state.in_((State.WAITING, State.RUNNING))
    today = (jobs.c.user_id == user_id) & (jobs.c.created_at > now - 86400) & (jobs.c.state != State.CANCELLED)
    chosen = select(
        select(func.count()).where(jobs.c.state == State.WAITING).scalar_subquery(),
        select(func.count()).where(unfinished, jobs.c.user_id == user_id).scalar_subquery(),
        select(func.coalesce(func.sum(jobs.c.seconds), 0.0)).where(today).scalar_subquery(),
    )
    waiting, waiting_of_user, seconds = (await connection.execute(chosen)).one()
    return Usage(waiting=waiting, waiting_of_user=waiting_of_user, seconds_of_user=seconds)


async def add(connection: AsyncConnection, request: Request, now: float) -> Job:
    turn = await _turn(connection, request)
    new = {"state": State.WAITING, "turn": turn, "attempts": 0, "next_at": now, "created_at": now}
    made = await connection.execute(insert(jobs).values(**asdict(request), **new).returning(*_COLUMNS))
    return _job(made.one())


async def add_known(connection: AsyncConnection, request: Request, known: Transcript, now: float) -> Job:
    """One that is done already, since the same audio was heard before."""
    done = {"state": State.DONE, "turn": 0.0, "attempts": 0, "next_at": now, "created_at": now, "finished_at": now}
    values = asdict(request) | done | {"seconds": known.duration}
    made = await connection.execute(insert(jobs).values(values).returning(*_COLUMNS))
    return _job(made.one())


async def _turn(connection: AsyncConnection, request: Request) -> float:
    if await transcript(connection, request.file_unique_id, request.variant):
        return 0.0  # it takes no time: nobody has to wait for it, or because of it
    sender = await users.get(connection, request.user_id)
    turn = max(sender.last_turn, await _served(connection))
    await users.change(connection, request.user_id, last_turn=turn + max(request.seconds, 1.0))
    return turn


async def _served(connection: AsyncConnection) -> float:
    """The furthest turn that came up."""
    came_up = (State.RUNNING, State.DONE, State.FAILED)
    furthest = [select(func.max(jobs.c.turn)).where(jobs.c.state == state).scalar_subquery() for state in came_up]
    return max(turn or 0.0 for turn in (await connection.execute(select(*furthest))).one())


async def claim(connection: AsyncConnection, owner: int, now: float) -> Job | None:
    """The next one, which is ours then. One whose audio is being transcribed for somebody else waits for that."""
    other = jobs.alias()
    same = (other.c.file_unique_id == jobs.c.file_unique_id) & (other.c.variant == jobs.c.variant)
    twin = exists(select(1).where(same, other.c.state == State.RUNNING))
    due = (jobs.c.state == State.WAITING) & (jobs.c.next_at <= now) & ~twin
    chosen = select(jobs.c.id).where(due).order_by(jobs.c.turn, jobs.c.id).limit(1).with_for_update(skip_locked=True)
    taken = {"state": State.RUNNING, "owner": owner, "attempts": jobs.c.attempts + 1, "started_at": now}
    claimed = update(jobs).where(jobs.c.id == chosen.scalar_subquery()).values(taken).returning(*_COLUMNS)
    row = (await connection.execute(claimed)).one_or_none()
    return _job(row) if row else None


async def get(connection: AsyncConnection, job_id: int) -> Job | None:
    row = (await connection.execute(select(*_COLUMNS).where(jobs.c.id == job_id))).one_or_none()
    return _job(row) if row else None


async def waiting(connection: AsyncConnection) -> list[Job]:
    """In their order."""
    chosen = select(*_COLUMNS).where(jobs.c.state == State.WAITING).order_by(jobs.c.turn, jobs.c.id)
    return [_job(row) for row in await connection.execute(chosen)]


async def place(connection: AsyncConnection, job_id: int) -> int:
    """In the queue: 1 is next."""
    mine = select(jobs.c.turn, jobs.c.id).where(jobs.c.id == job_id).subquery()
    before = or_(jobs.c.turn < mine.c.turn, (jobs.c.turn == mine.c.turn) & (jobs.c.id < mine.c.id))
    ahead = select(func.count()).select_from(jobs, mine).where(jobs.c.state == State.WAITING, before)
    return (await connection.scalar(ahead) or 0) + 1


async def unfinished(connection: AsyncConnection, user_id: int) -> list[Job]:
    theirs = (jobs.c.user_id == user_id) & jobs.c.state.in_((State.WAITING, State.RUNNING))
    return [_job(row) for row in await connection.execute(select(*_COLUMNS).where(theirs))]


async def save_piece(connection: AsyncConnection, job: Job, owner: int, number: int, piece: Piece) -> bool:
    """Whether the job is still ours: it may have been cancelled."""
    if not await _is_ours(connection, job, owner):
        return False
    insert_piece = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(pieces)
    saved = insert_piece.values(job_id=job.id, number=number, piece=asdict(piece)).on_conflict_do_nothing()
    await connection.execute(saved)
    return True


async def saved_pieces(connection: AsyncConnection, job_id: int) -> list[Piece]:
    chosen = select(pieces.c.piece).where(pieces.c.job_id == job_id).order_by(pieces.c.number)
    return [_piece(raw) for raw in await connection.scalars(chosen)]


async def finish(connection: AsyncConnection, job: Job, owner: int, transcript: Transcript, now: float) -> bool:
    """Whether it was still ours. What was heard is kept for the same audio sent again."""
    done = {"state": State.DONE, "seconds": transcript.duration, "error": None}
    if not await _end(connection, job, owner, now, done):
        return False
    key = {"file_unique_id": job.file_unique_id, "variant": job.variant}
    insert_kept = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(transcripts)
    kept = insert_kept.values(**key, transcript=asdict(transcript), created_at=now).on_conflict_do_nothing()
    await connection.execute(kept)
    return True


async def fail(connection: AsyncConnection, job: Job, owner: int, error: str, now: float) -> bool:
    return await _end(connection, job, owner, now, {"state": State.FAILED, "error": error})


async def refuse(connection: AsyncConnection, job: Job, owner: int, now: float) -> bool:
    """Ends a job whose file is of no use, which is nobody's concern but its sender's."""
    return await _end(connection, job, owner, now, {"state": State.CANCELLED})


async def give_back(connection: AsyncConnection, job: Job, owner: int, *, at: float, error: str | None = None) -> None:
    """For another try at that time. Without an error this one does not count."""
    attempts = jobs.c.attempts if error else jobs.c.attempts - 1
    waits = {"state": State.WAITING, "owner": None, "attempts": attempts, "next_at": at, "error": error}
    await connection.execute(update(jobs).where(_ours(job, owner)).values(waits))


async def cancel(connection: AsyncConnection, job_id: int, now: float) -> bool:
    """Whether it was not over yet."""
    unfinished = (jobs.c.id == job_id) & jobs.c.state.in_((State.WAITING, State.RUNNING))
    ended = {"state": State.CANCELLED, "owner": None, "finished_at": now}
    cancelled = await connection.execute(update(jobs).where(unfinished).values(ended))
    await _forget_pieces(connection, job_id)
    return bool(cancelled.rowcount)


async def cancel_chat(connection: AsyncConnection, chat_id: int, now: float) -> None:
    """All of a chat, where nothing can be said any more."""
    waiting = (jobs.c.chat_id == chat_id) & (jobs.c.state == State.WAITING)
    await connection.execute(update(jobs).where(waiting).values(state=State.CANCELLED, finished_at=now))


async def retry(connection: AsyncConnection, job_id: int, now: float) -> bool:
    """Whether there was such a failed one."""
    failed = (jobs.c.id == job_id) & (jobs.c.state == State.FAILED)
    again = {"state": State.WAITING, "attempts": 0, "next_at": now, "error": None}
    return bool((await connection.execute(update(jobs).where(failed).values(again))).rowcount)


async def failed(connection: AsyncConnection, limit: int) -> Sequence[Job]:
    """The newest first."""
    chosen = select(*_COLUMNS).where(jobs.c.state == State.FAILED).order_by(jobs.c.id.desc()).limit(limit)
    return [_job(row) for row in await connection.execute(chosen)]


async def count(connection: AsyncConnection, state: State) -> int:
    return await connection.scalar(select(func.count()).where(jobs.c.state == state)) or 0


async def owners(connection: AsyncConnection) -> set[int]:
    """Of what is running."""
    running = select(jobs.c.owner).where(jobs.c.state == State.RUNNING).distinct()
    return {owner for owner in await connection.scalars(running) if owner is not None}


async def take_from(connection: AsyncConnection, dead: set[int]) -> None:
    """What these were at waits again; the attempt counts, since it may be what they died of."""
    orphaned = jobs.c.owner.in_(dead) & (jobs.c.state == State.RUNNING)
    await connection.execute(update(jobs).where(orphaned).values(state=State.WAITING, owner=None))


async def transcript(connection: AsyncConnection, file_unique_id: str, variant: str) -> Transcript | None:
    same = (transcripts.c.file_unique_id == file_unique_id) & (transcripts.c.variant == variant)
    raw = await connection.scalar(select(transcripts.c.transcript).where(same))
    return _transcript(raw) if raw else None


async def set_placeholder(connection: AsyncConnection, job_id: int, message_id: int) -> None:
    await connection.execute(update(jobs).where(jobs.c.id == job_id).values(placeholder_id=message_id))


async def forget_old(connection: AsyncConnection, before: float) -> None:
    over = jobs.c.state.in_((State.DONE, State.FAILED, State.CANCELLED))
    await connection.execute(delete(transcripts).where(transcripts.c.created_at < before))
    await connection.execute(delete(jobs).where(over, jobs.c.created_at < before))


async def _end(connection: AsyncConnection, job: Job, owner: int, now: float, values: dict[str, Any]) -> bool:
    ended = update(jobs).where(_ours(job, owner)).values(**values, owner=None, finished_at=now)
    was_ours = bool((await connection.execute(ended)).rowcount)
    if was_ours:
        await _forget_pieces(connection, job.id)
    return was_ours


async def _forget_pieces(connection: AsyncConnection, job_id: int) -> None:
    await connection.execute(delete(pieces).where(pieces.c.job_id == job_id))


async def _is_ours(connection: AsyncConnection, job: Job, owner: int) -> bool:
    return await connection.scalar(select(jobs.c.id).where(_ours(job, owner))) is not None


def _ours(job: Job, owner: int) -> ColumnElement[bool]:
    return (jobs.c.id == job.id) & (jobs.c.owner == owner) & (jobs.c.state == State.RUNNING)


def _job(row: Row[Any]) -> Job:
    return Job(**{**row._mapping, "state": State(row.state)})


def _piece(raw: dict[str, Any]) -> Piece:
    return Piece(**{**raw, "segments": _segments(raw)})


def _transcript(raw: dict[str, Any]) -> Transcript:
    return Transcript(**{**raw, "segments": _segments(raw)})


def _segments(raw: dict[str, Any]) -> tuple[Segment, ...]:
    return tuple(Segment(**segment) for segment in raw["segments"])
