"""Commands: what stands behind one is read, and becomes a request."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from aiogram import F, Router
from aiogram.filters import Command as CommandFilter, CommandObject
from aiogram.methods import TelegramMethod
from aiogram.types import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from opsbot import arguments
from opsbot.access import Person
from opsbot.arguments import USAGE
from opsbot.desk import Desk
from opsbot.handlers.begin import begin
from opsbot.handlers.places import place_of
from opsbot.menu import private_menu
from opsbot.verbs import Verb
from opsbot.views import asking

LATE = timedelta(minutes=10)
"""What was sent before that, while we were away, may not be meant any more."""
router = Router()
router.message.filter(F.forward_origin.is_(None), F.via_bot.is_(None))  # what somebody else said, or a bot wrote for us


@router.message(CommandFilter(*USAGE, ignore_case=True))
async def take(
    message: Message,
    command: CommandObject,
    person: Person,
    here: Sequence[str],
    connection: AsyncConnection,
    desk: Desk,
) -> None:
    if datetime.now(UTC) - message.date > LATE:
        await desk.send(connection, place_of(message), asking.late())
        return
    answer = arguments.parse(Verb(command.command.lower()), command.args or "", person, here)
    await begin(connection, desk, place_of(message), person, answer)


@router.message(CommandFilter("start", ignore_case=True))
async def say_hello(
    message: Message, person: Person, connection: AsyncConnection, desk: Desk
) -> Sequence[TelegramMethod[bool]]:
    """Until now Telegram knew no chat of theirs with us, which could have a menu."""
    await desk.send(connection, place_of(message), asking.hello(person))
    return [private_menu(person)] if message.chat.id == person.id else []


@router.message(CommandFilter("help", ignore_case=True))
async def tell_help(message: Message, person: Person, connection: AsyncConnection, desk: Desk) -> None:
    await desk.send(connection, place_of(message), asking.help_for(person))


@router.message(CommandFilter("whoami", ignore_case=True))
async def tell_who(
    message: Message, person: Person, here: Sequence[str], connection: AsyncConnection, desk: Desk
) -> None:
    await desk.send(connection, place_of(message), asking.whoami(person, here))
