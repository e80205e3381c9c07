"""From what somebody asks for to a request, which a worker takes up."""

import time
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from opsbot import metrics
from opsbot.access import Person
from opsbot.arguments import Mistake, Reading
from opsbot.command import Command, Missing, Refused, What
from opsbot.desk import Desk
from opsbot.questions import ANSWER_SECONDS
from opsbot.storage import decisions, messages, requests
from opsbot.storage.decisions import Decision
from opsbot.storage.messages import Place
from opsbot.storage.requests import Phase, Request
from opsbot.turns import PLANNED
from opsbot.views import asking, words
from opsbot.views.choices import Choice


async def begin(connection: AsyncConnection, desk: Desk, place: Place, person: Person, answer: Reading) -> None:
    match answer:
        case Mistake():
            await desk.send(connection, place, asking.mistake(answer))
        case Refused():
            metrics.refused.labels("not_allowed").inc()
            await _note(connection, person, answer)
            await desk.send(connection, place, asking.refused(answer))
        case Missing(what=What.ENVIRONMENT):
            await _ask(connection, desk, place, person, answer)
        case Missing(command=command) | command:
            await _add(connection, desk, place, person, command)


async def same_for(connection: AsyncConnection, command: Command, chat_id: int) -> Request | None:
    """One under way that asks for the same, and is seen in that chat; what changes something is the same everywhere."""
    same = await requests.same(connection, command)
    return same if same and (command.verb in PLANNED or await _is_in(connection, same, chat_id)) else None


async def _is_in(connection: AsyncConnection, request: Request, chat_id: int) -> bool:
    place = await messages.place(connection, request.message)
    return place is not None and place.chat_id == chat_id


async def _add(connection: AsyncConnection, desk: Desk, place: Place, person: Person, command: Command) -> None:
    """What is still missing is asked by who has looked which there are."""
    if same := await same_for(connection, command, place.chat_id):
        if await _is_in(connection, same, place.chat_id):
            place = replace(place, reply_to=await messages.number(connection, same.message))
        await desk.send(connection, place, words.already(same))
        return
    message = await desk.send(connection, place, words.begun(command))
    await requests.add(
        connection,
        command,
        person_id=person.id,
        person_name=person.name,
        phase=Phase.WAITING,
        message=message,
        now=time.time(),
    )


async def _ask(connection: AsyncConnection, desk: Desk, place: Place, person: Person, missing: Missing) -> None:
    message = await desk.send(connection, place, words.begun(missing.command))
    request = await requests.add(
        connection,
        missing.command,
        person_id=person.id,
        person_name=person.name,
        phase=Phase.ASKING,
        message=message,
        now=time.time(),
        options=missing.environments,
        expires_at=time.time() + ANSWER_SECONDS,
    )
    choices = [Choice(value=name, label=name) for name in missing.environments]
    await desk.write(connection, request, asking.question(request, missing.what, choices))


async def _note(connection: AsyncConnection, person: Person, refused: Refused) -> None:
    noted = Decision(
        at=time.time(),
        person_id=person.id,
        person_name=person.name,
        environment=refused.environment,
        decision="refused",
        what=refused.verb,
        why="not in this chat" if refused.is_elsewhere else "not allowed",
    )
    await decisions.note(connection, noted)
