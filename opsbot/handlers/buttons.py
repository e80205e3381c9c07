"""Buttons: each is signed, and good for one press, in its chat, by whom it is for."""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import structlog
from aiogram import Bot, Router
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery, Message
from sqlalchemy.ext.asyncio import AsyncConnection

from opsbot import aborts, arguments, metrics
from opsbot.access import Person, approvers, may
from opsbot.arguments import Mistake
from opsbot.command import Command, Missing, Refused, completed
from opsbot.desk import Desk
from opsbot.handlers import alerts
from opsbot.handlers.begin import begin, same_for
from opsbot.handlers.places import place_of
from opsbot.handlers.pressed import NOT_YOURS, OLD, Pressed
from opsbot.storage import decisions, requests
from opsbot.storage.requests import UNDER_WAY, Phase, Request
from opsbot.verbs import Verb
from opsbot.views import asking, words
from opsbot.views.pages import Page, Press

log = structlog.get_logger(__name__)
router = Router()
LATE = "Its time is over: ask for it again."


@router.callback_query()
async def press(
    query: CallbackQuery, bot: Bot, person: Person, here: Sequence[str], connection: AsyncConnection, desk: Desk
) -> list[AnswerCallbackQuery]:
    """A press that nothing comes of leaves the button as it was."""
    message, data, now = query.message, query.data or "", time.time()
    assert isinstance(message, Message)
    is_ours = message.from_user is not None and message.from_user.id == bot.id
    read = desk.keys.read(data, message.chat.id, datetime.fromtimestamp(now, UTC)) if is_ours else None
    is_of_here = read is not None and read.environment in ("", *here)  # or the config has changed meanwhile
    if not read or not is_of_here or await decisions.is_pressed(connection, message.chat.id, data):
        metrics.refused.labels("old_button").inc()
        log.info("old_button", user_id=person.id, name=person.name, chat_id=message.chat.id)
        return [AnswerCallbackQuery(callback_query_id=query.id, text=OLD)]
    pressed = Pressed(
        desk=desk,
        connection=connection,
        message=message,
        person=person,
        here=here,
        environment=read.environment,
        about=read.about,
        now=now,
    )
    refusal = await PRESSES[read.press](pressed) if read.press in PRESSES else OLD
    if not refusal:
        await decisions.press(connection, message.chat.id, data, person.id, now)
    elif refusal in (OLD, LATE):
        metrics.refused.labels("old_button").inc()
    else:
        metrics.refused.labels("not_allowed").inc()
        await pressed.note_of(f"the button {read.press}", "refused", refusal)
    return [AnswerCallbackQuery(callback_query_id=query.id, text=refusal or None)]


async def confirm(pressed: Pressed) -> str:
    """Bound to the very plan: the button names its fingerprint."""
    request = await pressed.request(Phase.PROPOSED)
    if not request or pressed.about != f"{request.id}.{request.fingerprint[:8]}":
        return OLD
    if pressed.now > request.expires_at:
        return LATE
    needs_another = pressed.desk.config.environments[request.environment].approvals > 0
    if refusal := _may_confirm(pressed, request, needs_another):
        return refusal
    approved_by = pressed.person.name if needs_another else ""
    queued = await requests.change(
        pressed.connection, request, Phase.PROPOSED, phase=Phase.QUEUED, approved_by=approved_by
    )
    if not queued:
        return OLD
    await pressed.note(queued, "approved" if needs_another else "confirmed", request.command.force_reason)
    await pressed.desk.write(pressed.connection, request, words.begins(queued))
    return ""


def _may_confirm(pressed: Pressed, request: Request, needs_another: bool) -> str:
    person = pressed.person
    if needs_another and person.id == request.person_id:
        others = approvers(pressed.desk.config, request.environment, person.id)
        return f"Not you, since you asked for it: {' or '.join(others) or 'nobody else'} may approve it."
    if needs_another:
        return "" if may(person, request.environment, Verb.APPROVE) else NOT_YOURS
    is_theirs = person.id == request.person_id and may(person, request.environment, request.verb)
    return "" if is_theirs else f"Only {request.person_name} may confirm it."


async def dismiss(pressed: Pressed) -> str:
    request = await pressed.request(Phase.PROPOSED, Phase.ASKING)
    if not request:
        return OLD
    if pressed.person.id != request.person_id and not may(pressed.person, request.environment, Verb.APPROVE):
        return NOT_YOURS
    return await _dismissed(pressed, request)


async def withdraw(pressed: Pressed) -> str:
    request = await pressed.request(Phase.PROPOSED)
    if not request:
        return OLD
    if pressed.person.id != request.person_id:
        return f"Only {request.person_name} can withdraw it."
    return await _dismissed(pressed, request)


async def _dismissed(pressed: Pressed, request: Request) -> str:
    is_theirs = pressed.person.id == request.person_id
    over = await requests.change(pressed.connection, request, request.phase, phase=Phase.OVER)
    if not over:
        return OLD
    metrics.count(request, "dismissed")
    await pressed.note(request, "withdrawn" if is_theirs else "refused")
    await pressed.desk.write(pressed.connection, request, words.dismissed(request, pressed.person.name))
    return ""


async def abort(pressed: Pressed) -> str:
    request = await pressed.request(*UNDER_WAY)
    if not request:
        return OLD
    if not (pressed.person.id == request.person_id or may(pressed.person, request.environment, Verb.ABORT)):
        return NOT_YOURS
    person = pressed.person
    is_aborted = await aborts.abort(pressed.connection, pressed.desk, request, person.id, person.name)
    return "" if is_aborted else OLD


async def choose(pressed: Pressed) -> str:
    request = await pressed.request(Phase.ASKING)
    if not request:
        return OLD
    if pressed.person.id != request.person_id:
        return f"{request.person_name} was asked."
    missing = completed(request.command, pressed.person, pressed.here)
    index = int(pressed.about.partition(".")[2] or -1)
    if not isinstance(missing, Missing) or not 0 <= index < len(request.options):
        return OLD
    match arguments.answered(missing, request.options[index], pressed.person, pressed.here):
        case Refused() as refused:
            changed, page = await _over(pressed, request), asking.refused(refused)
        case Mistake() as mistake:
            changed, page = await _over(pressed, request), asking.mistake(mistake)
        case Missing(command=command) | command:
            changed, page = await _go_on(pressed, request, command)
    if not changed:
        return OLD
    await pressed.desk.write(pressed.connection, changed, page)
    return ""


async def _go_on(pressed: Pressed, request: Request, command: Command) -> tuple[Request | None, Page]:
    if same := await same_for(pressed.connection, command, pressed.message.chat.id):
        return await _over(pressed, request), words.already(same)
    changed = await requests.change(
        pressed.connection, request, Phase.ASKING, command=command, phase=Phase.WAITING, options=()
    )
    return changed, words.begun(command)


async def _over(pressed: Pressed, request: Request) -> Request | None:
    return await requests.change(pressed.connection, request, Phase.ASKING, phase=Phase.OVER)


async def ask_for_logs(pressed: Pressed) -> str:
    request = await pressed.request(Phase.OVER)
    if not request or not request.options:
        return OLD
    return await _begin(pressed, Command(verb=Verb.LOGS, environment=request.environment, role=request.options[0]))


async def ask_again(pressed: Pressed) -> str:
    request = await pressed.request(Phase.OVER)
    return await _begin(pressed, request.command) if request else OLD


async def ask_for_rollback(pressed: Pressed) -> str:
    """Of a message of ours, or of one that shipper sent from CI or a terminal."""
    if not pressed.about.isdigit():
        return OLD
    return await _begin(
        pressed, Command(verb=Verb.ROLLBACK, environment=pressed.environment, leaving=int(pressed.about))
    )


async def ask_to_go_back(pressed: Pressed) -> str:
    """To the release that served before what was left in the middle."""
    request, release = await pressed.request(Phase.OVER), pressed.about.partition(".")[2]
    if not request or not release.isdigit():
        return OLD
    return await _begin(pressed, Command(verb=Verb.ROLLBACK, environment=request.environment, release=int(release)))


async def look_again(pressed: Pressed) -> str:
    """What became of something whose process died."""
    request = await pressed.request(Phase.OVER)
    if not request:
        return OLD
    if not may(pressed.person, request.environment, Verb.STATUS):
        return NOT_YOURS
    await requests.change(pressed.connection, request, Phase.OVER, phase=Phase.RECOVERING, owner=None)
    return ""


async def ask_to_unlock(pressed: Pressed) -> str:
    return await _begin(pressed, Command(verb=Verb.UNLOCK, environment=pressed.environment))


async def _begin(pressed: Pressed, command: Command) -> str:
    """What the button asks for is shown in a message of its own."""
    answer = completed(command, pressed.person, pressed.here)
    if isinstance(answer, Refused):
        return NOT_YOURS
    await begin(pressed.connection, pressed.desk, place_of(pressed.message), pressed.person, answer)
    return ""


PRESSES: dict[str, Callable[[Pressed], Awaitable[str]]] = {
    Press.CONFIRM: confirm,
    Press.DISMISS: dismiss,
    Press.WITHDRAW: withdraw,
    Press.ABORT: abort,
    Press.CHOOSE: choose,
    Press.LOGS: ask_for_logs,
    Press.AGAIN: ask_again,
    Press.ROLL_BACK: ask_for_rollback,
    Press.GO_BACK: ask_to_go_back,
    Press.LOOK_AGAIN: look_again,
    Press.UNLOCK: ask_to_unlock,
    Press.ACKNOWLEDGE: alerts.acknowledge,
    Press.MUTE: alerts.mute,
}
"""What each does; it says why if nothing came of it."""
