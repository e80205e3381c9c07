"""What somebody asked for, from the command to its end: one row, and one message that tells what becomes of it."""

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from opsbot.command import Command
from opsbot.storage.tables import requests
from opsbot.verbs import Verb


class Phase(StrEnum):
    ASKING = "asking"
    """Something is missing, and asked with buttons."""
    WAITING = "waiting"
    """To be looked at, or planned."""
    LOOKING = "looking"
    PROPOSED = "proposed"
    """A plan is shown, and to be confirmed."""
    QUEUED = "queued"
    """Confirmed."""
    ACTING = "acting"
    RECOVERING = "recovering"
    """Whoever acted is dead, or lost the servers: what has become of it is found out from them."""
    OVER = "over"


UNDER_WAY = (Phase.WAITING, Phase.LOOKING, Phase.PROPOSED, Phase.QUEUED, Phase.ACTING, Phase.RECOVERING)


@dataclass(frozen=True, kw_only=True)
class Request:
    id: int
    command: Command
    person_id: int
    person_name: str
    phase: Phase
    message: int
    options: tuple[str, ...]
    """What can be chosen from, while something is asked."""
    fingerprint: str
    """Of the plan that was shown."""
    release: int | None
    """The one that it makes serve."""
    expires_at: float
    """Until when a plan can be confirmed, or a question answered."""
    approved_by: str
    abort_by: str
    owner: int | None
    begun_at: float | None
    """When it was begun to be done."""
    created_at: float

    @property
    def verb(self) -> Verb:
        return self.command.verb

    @property
    def environment(self) -> str:
        """Empty while it is asked for."""
        return self.command.environment


async def add(
    connection: AsyncConnection,
    command: Command,
    *,
    person_id: int,
    person_name: str,
    phase: Phase,
    message: int,
    now: float,
    options: tuple[str, ...] = (),
    expires_at: float = 0.0,
) -> Request:
    values = {
        **_columns(command),
        "person_id": person_id,
        "person_name": person_name,
        "phase": phase,
        "message": message,
        "options": options,
        "fingerprint": "",
        "expires_at": expires_at,
        "approved_by": "",
        "abort_by": "",
        "created_at": now,
    }
    return _request((await connection.execute(requests.insert().values(values).returning(requests))).one())


async def get(connection: AsyncConnection, request_id: int) -> Request | None:
    row = (await connection.execute(select(requests).where(requests.c.id == request_id))).one_or_none()
    return _request(row) if row and _is_known(row) else None


async def change(
    connection: AsyncConnection, request: Request, *phases: Phase, command: Command | None = None, **changes: Any
) -> Request | None:
    """As it is then, if it was in one of these phases; None if it is further by now."""
    changes |= _columns(command) if command else {}
    changed = update(requests).where(requests.c.id == request.id, requests.c.phase.in_(phases)).values(changes)
    row = (await connection.execute(changed.returning(requests))).one_or_none()
    return _request(row) if row else None


async def in_phases(connection: AsyncConnection, *phases: Phase, environment: str | None = None) -> list[Request]:
    """The oldest first."""
    chosen = select(requests).where(requests.c.phase.in_(phases)).order_by(requests.c.id)
    if environment is not None:
        chosen = chosen.where(requests.c.environment == environment)
    return [_request(row) for row in await connection.execute(chosen) if _is_known(row)]


async def same(connection: AsyncConnection, command: Command, *, but: int = 0) -> Request | None:
    """One under way that asks for the same, if it is not this one."""
    under_way = await in_phases(connection, *UNDER_WAY, environment=command.environment)
    return next((request for request in under_way if request.id != but and request.command.is_same(command)), None)


async def forget_old(connection: AsyncConnection, before: float) -> None:
    over = (requests.c.phase.in_((Phase.OVER, Phase.ASKING))) & (requests.c.created_at < before)
    await connection.execute(delete(requests).where(over))


def _columns(command: Command) -> dict[str, object]:
    return {"environment": command.environment, "command": asdict(command)}


def _is_known(row: Row[Any]) -> bool:
    """A newer version, which was rolled back, may have verbs that we know nothing of: nobody is at those."""
    return row.command["verb"] in set(Verb)


def _request(row: Row[Any]) -> Request:
    """Perhaps of a newer version, which knows more of it."""
    values = {field.name: row._mapping[field.name] for field in fields(Request)}
    known = {field.name: row.command[field.name] for field in fields(Command) if field.name in row.command}
    command = Command(**(known | {"verb": Verb(row.command["verb"])}))
    return Request(**(values | {"phase": Phase(row.phase), "command": command, "options": tuple(row.options)}))
