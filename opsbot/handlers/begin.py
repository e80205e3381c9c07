"""From what somebody asks for to a request, which a worker takes up."""

import time

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
from opsbot.storage.requests import Phase
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


async def _add(connection: AsyncConnection, desk: Desk, place: Place, person: Person, command: Command) -> None:
    """What is still missing is asked by who has looked which there are."""
    if same := await requests.same(connection, command):
        to = await messages.number(connection, same.message)
        there = await messages.place(connection, same.message)
        if there and there.chat_id == place.chat_id:
            place = Place(chat_id=place.chat_id, thread_id=place.thread_id, reply_to=to)
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
