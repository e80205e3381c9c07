"""The order in which recordings come up, which is fair, and who is at them.

The order is start-time fair queueing (Goyal, Vin, Cheng 1996): a file's turn is where its sender's last one ended, in
seconds of audio, but not before how far the queue has come. So one who sends a hundred files waits behind his own.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass

from sqlalchemy import case, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.dialects import alone, insert
from voicebot.storage import jobs, locks
from voicebot.storage.jobs import Job, Request, State
from voicebot.storage.tables import jobs as table, queue as queue_table, users


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a limit looks at."""

    waiting: int
    waiting_of_user: int
    seconds_of_user: float
    """Accepted in the last 24 hours."""


async def usage(connection: AsyncConnection, user_id: int, now: float) -> Usage:
    unfinished = table.c.state.in_((State.WAITING, State.RUNNING))
    today = (table.c.user_id == user_id) & (table.c.created_at > now - 86400) & (table.c.state != State.CANCELLED)
    chosen = select(
        select(func.count()).where(table.c.state == State.WAITING).scalar_subquery(),
        select(func.count()).where(unfinished, table.c.user_id == user_id).scalar_subquery(),
        select(func.coalesce(func.sum(table.c.seconds), 0.0)).where(today).scalar_subquery(),
    )
    waiting, waiting_of_user, seconds = (await connection.execute(chosen)).one()
    return Usage(waiting=waiting, waiting_of_user=waiting_of_user, seconds_of_user=seconds)


async def add(connection: AsyncConnection, request: Request, now: float) -> Job:
    turn = await _turn(connection, request)
    asked = asdict(request)
    row = {**asked, "state": State.WAITING, "turn": turn, "attempts": 0, "next_at": 0.0, "created_at": now}
    job_id = (await connection.execute(insert(connection, table).returning(table.c.id), row)).scalar_one()
    return Job(**asked, id=job_id, state=State.WAITING, attempts=0, placeholder_id=None, created_at=now, error=None)


async def _turn(connection: AsyncConnection, request: Request) -> float:
    length = max(request.seconds, 1.0)
    come = select(func.coalesce(func.max(queue_table.c.come), 0.0)).scalar_subquery()
    first = insert(connection, users).values(id=request.user_id, last_turn=come + length)
    later = case((users.c.last_turn > come, users.c.last_turn), else_=come) + length
    added = first.on_conflict_do_update(index_elements=["id"], set_={"last_turn": later}).returning(users.c.last_turn)
    return float((await connection.execute(added)).scalar_one()) - length


async def take_back(connection: AsyncConnection, owner: int, at_work: Collection[int]) -> None:
    """What is ours beside these, which we are at: claimed by a commit whose answer was lost, so nobody is at it."""
    unheard_of = (table.c.owner == owner) & (table.c.state == State.RUNNING) & table.c.id.not_in(at_work)
    await connection.execute(update(table).where(unheard_of).values(state=State.WAITING, owner=None))


async def claim(connection: AsyncConnection, owner: int, now: float) -> Job | None:
    """The next one, which is ours then. One whose audio is being transcribed for somebody else waits for that."""
    await alone(connection, locks.JOBS)  # else two could begin the same audio
    running = select(table.c.file_unique_id, table.c.variant).where(table.c.state == State.RUNNING)
    twin = tuple_(table.c.file_unique_id, table.c.variant).in_(running)
    due = (table.c.state == State.WAITING) & (table.c.next_at <= now) & ~twin
    # Who cancels, or erases, locks a job without us.
    chosen = select(table.c.id).where(due).order_by(table.c.turn, table.c.id).limit(1).with_for_update(skip_locked=True)
    taken = {"state": State.RUNNING, "owner": owner, "started_at": now}
    claimed = update(table).where(table.c.id == chosen.scalar_subquery()).values(taken)
    row = (await connection.execute(claimed.returning(*jobs.COLUMNS, table.c.turn))).one_or_none()
    if not row:
        return None
    await _come_to(connection, row.turn)
    return jobs.read(row)


async def _come_to(connection: AsyncConnection, turn: float) -> None:
    """It never goes back: jobs are forgotten, and who comes first then must not overtake all others for days."""
    first = insert(connection, queue_table).values(id=1, come=turn)
    await connection.execute(
        first.on_conflict_do_update(index_elements=["id"], set_={"come": turn}, where=queue_table.c.come < turn)
    )


async def waiting(connection: AsyncConnection) -> list[Job]:
    """In their order."""
    chosen = select(*jobs.COLUMNS).where(table.c.state == State.WAITING).order_by(table.c.turn, table.c.id)
    return [jobs.read(row) for row in await connection.execute(chosen)]


async def place(connection: AsyncConnection, job_id: int) -> int:
    """In the queue: 1 is next."""
    mine = select(table.c.turn, table.c.id).where(table.c.id == job_id).subquery()
    before = or_(table.c.turn < mine.c.turn, (table.c.turn == mine.c.turn) & (table.c.id < mine.c.id))
    ahead = select(func.count()).select_from(table, mine).where(table.c.state == State.WAITING, before)
    return (await connection.scalar(ahead) or 0) + 1


async def owners(connection: AsyncConnection) -> set[int]:
    """Of what is running."""
    running = select(table.c.owner).where(table.c.state == State.RUNNING).distinct()
    return {owner for owner in await connection.scalars(running) if owner is not None}


async def take_from(connection: AsyncConnection, dead: set[int]) -> None:
    """What these were at waits again. That they had opened its file, and may have died of it, is counted already."""
    orphaned = table.c.owner.in_(dead) & (table.c.state == State.RUNNING)
    await connection.execute(update(table).where(orphaned).values(state=State.WAITING, owner=None))
