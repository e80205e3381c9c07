"""Ends what somebody asked for: what has begun at its next safe point, and what has not never begins."""

import time
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from opsbot import metrics
from opsbot.desk import Desk
from opsbot.storage import decisions, requests
from opsbot.storage.decisions import Decision
from opsbot.storage.requests import Phase, Request
from opsbot.turns import PLANNED
from opsbot.views import words

_NOT_BEGUN = (Phase.WAITING, Phase.PROPOSED, Phase.QUEUED)
_BEGUN = (Phase.LOOKING, Phase.ACTING)


async def abort(connection: AsyncConnection, desk: Desk, request: Request, person_id: int, name: str) -> bool:
    """Whether there was something to abort. Who does it may: that was looked at."""
    if await requests.change(connection, request, *_NOT_BEGUN, phase=Phase.OVER):
        metrics.count(request, "aborted")
        await desk.write(connection, request, words.aborted(request, name))
    elif not await requests.change(connection, request, *_BEGUN, abort_by=name):
        return False
    noted = Decision(
        at=time.time(),
        person_id=person_id,
        person_name=name,
        environment=request.environment,
        decision="aborted",
        what=words.asked(request.command),
    )
    await decisions.note(connection, noted)
    return True


def meant(under_way: Sequence[Request]) -> list[Request]:
    """PURE. Of those of an environment: what acts, else all that might yet."""
    planned = [request for request in under_way if request.verb in PLANNED]
    return [request for request in planned if request.phase is Phase.ACTING] or planned
