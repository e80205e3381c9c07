"""Who decided what, and why: confirmed, approved, refused. What became of it stands in the hosts' journals."""

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from opsbot.storage.tables import decisions, pressed


@dataclass(frozen=True, kw_only=True)
class Decision:
    at: float
    person_id: int
    person_name: str
    environment: str
    decision: str
    """confirmed, approved, refused, withdrawn, aborted; done, where none is asked; acknowledged, muted, unmuted."""
    what: str
    why: str = ""


async def note(connection: AsyncConnection, decision: Decision) -> None:
    await connection.execute(decisions.insert().values(vars(decision)))


async def latest(connection: AsyncConnection, environment: str, limit: int) -> list[Decision]:
    """The oldest first."""
    chosen = select(decisions).where(decisions.c.environment == environment).order_by(decisions.c.id.desc())
    rows = (await connection.execute(chosen.limit(limit))).all()
    return [Decision(**{name: value for name, value in row._mapping.items() if name != "id"}) for row in rows[::-1]]


async def is_pressed(connection: AsyncConnection, chat_id: int, data: str) -> bool:
    chosen = select(pressed.c.at).where(pressed.c.chat_id == chat_id, pressed.c.data == data)
    return (await connection.execute(chosen)).first() is not None


async def press(connection: AsyncConnection, chat_id: int, data: str, person_id: int, now: float) -> None:
    """Nobody can press that button again."""
    row = {"chat_id": chat_id, "data": data, "person_id": person_id, "at": now}
    await connection.execute(pressed.insert().values(row))


async def forget_old(connection: AsyncConnection, before: float) -> None:
    await connection.execute(delete(decisions).where(decisions.c.at < before))
    await connection.execute(delete(pressed).where(pressed.c.at < before))
