"""Files that are to be transcribed, in a fair order, and what came of them.

The order is start-time fair queueing (Goyal, Vin, Cheng 1996): a file's turn is where its sender's last one ended, in
seconds of audio, but not before how far the queue has come. So one who sends a hundred files waits behind his own.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.storage import heard
from voicebot.storage.dialects import JOBS_LOCK, alone, insert
from voicebot.storage.tables import jobs, outbox, queue, users
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
    asked = asdict(request)
    row = {**asked, "state": State.WAITING, "turn": turn, "attempts": 0, "next_at": 0.0, "created_at": now}
    job_id = (await connection.execute(insert(connection, jobs).returning(jobs.c.id), row)).scalar_one()
    return Job(**asked, id=job_id, state=State.WAITING, attempts=0, placeholder_id=None, created_at=now, error=None)


async def add_known(connection: AsyncConnection, request: Request, known: Transcript, now: float) -> Job:
    """One that is done already, since the same audio was heard before."""
    done = {"state": State.DONE, "turn": 0.0, "attempts": 0, "next_at": now, "created_at": now, "finished_at": now}
    values = asdict(request) | done | {"seconds": known.duration}
    made = await connection.execute(insert(connection, jobs).values(values).returning(*_COLUMNS))
    return _job(made.one())


async def _turn(connection: AsyncConnection, request: Request) -> float:
    length = max(request.seconds, 1.0)
    come = select(func.coalesce(func.max(queue.c.come), 0.0)).scalar_subquery()
    first = insert(connection, users).values(id=request.user_id, last_turn=come + length)
    later = case((users.c.last_turn > come, users.c.last_turn), else_=come) + length
    added = first.on_conflict_do_update(index_elements=["id"], set_={"last_turn": later}).returning(users.c.last_turn)
    return float((await connection.execute(added)).scalar_one()) - length


async def take_back(connection: AsyncConnection, owner: int, at_work: Collection[int]) -> None:
    """What is ours beside these, which we are at: claimed by a commit whose answer was lost, so nobody is at it."""
    unheard_of = (jobs.c.owner == owner) & (jobs.c.state == State.RUNNING) & jobs.c.id.not_in(at_work)
    await connection.execute(update(jobs).where(unheard_of).values(state=State.WAITING, owner=None))


async def claim(connection: AsyncConnection, owner: int, now: float) -> Job | None:
    """The next one, which is ours then. One whose audio is being transcribed for somebody else waits for that."""
    await alone(connection, JOBS_LOCK)  # else two could begin the same audio
    running = select(jobs.c.file_unique_id, jobs.c.variant).where(jobs.c.state == State.RUNNING)
    twin = tuple_(jobs.c.file_unique_id, jobs.c.variant).in_(running)
    due = (jobs.c.state == State.WAITING) & (jobs.c.next_at <= now) & ~twin
    # Who cancels, or erases, locks a job without us.
    chosen = select(jobs.c.id).where(due).order_by(jobs.c.turn, jobs.c.id).limit(1).with_for_update(skip_locked=True)
    taken = {"state": State.RUNNING, "owner": owner, "started_at": now}
    claimed = update(jobs).where(jobs.c.id == chosen.scalar_subquery()).values(taken)
    row = (await connection.execute(claimed.returning(*_COLUMNS, jobs.c.turn))).one_or_none()
    if not row:
        return None
    await _come_to(connection, row.turn)
    return _job(row)


async def _come_to(connection: AsyncConnection, turn: float) -> None:
    """It never goes back: jobs are forgotten, and who comes first then must not overtake all others for days."""
    first = insert(connection, queue).values(id=1, come=turn)
    await connection.execute(
        first.on_conflict_do_update(index_elements=["id"], set_={"come": turn}, where=queue.c.come < turn)
    )


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


async def set_placeholder(connection: AsyncConnection, job_id: int, message_id: int) -> None:
    await connection.execute(update(jobs).where(jobs.c.id == job_id).values(placeholder_id=message_id))


async def forget_old(connection: AsyncConnection, before: float) -> None:
    """Except of what is still to be said about them: that goes by the message which the job names."""
    over = jobs.c.state.in_((State.DONE, State.FAILED, State.CANCELLED))
    unsaid = exists().where(outbox.c.job_id == jobs.c.id)
    await connection.execute(delete(jobs).where(over, jobs.c.created_at < before, ~unsaid))


async def _end(connection: AsyncConnection, job: Job, owner: int, now: float, values: dict[str, Any]) -> bool:
    ended = update(jobs).where(_ours(job, owner)).values(**values, owner=None, finished_at=now)
    was_ours = bool((await connection.execute(ended)).rowcount)
    if was_ours:
        await heard.forget_pieces(connection, job.id)
    return was_ours


def _ours(job: Job, owner: int) -> ColumnElement[bool]:
    return (jobs.c.id == job.id) & (jobs.c.owner == owner) & (jobs.c.state == State.RUNNING)


def _job(row: Row[Any]) -> Job:
    known = {column.name: row._mapping[column] for column in _COLUMNS}
    return Job(**{**known, "state": State(row.state)})
