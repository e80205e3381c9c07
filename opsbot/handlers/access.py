"""Who is heard: people of the config, where commands are taken. Everybody else gets silence, and is counted."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery, InaccessibleMessage, Message, TelegramObject, Update
from sqlalchemy.ext.asyncio import AsyncConnection

from opsbot import access, metrics
from opsbot.access import Person, RateLimit, Seldom
from opsbot.config import Config
from opsbot.desk import Desk
from opsbot.handlers.places import place_of, topic_of
from opsbot.handlers.pressed import OLD
from opsbot.views import asking

log = structlog.get_logger(__name__)
Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]
Middleware = Callable[[Handler, TelegramObject, dict[str, Any]], Awaitable[Any]]

TOO_FAST = "Too fast: nothing came of this press. Try again in a few seconds."


def only_for_known(config: Config) -> Middleware:
    """Gives handlers the `person` who asks, and the environments that the chat is about: `here`."""
    strangers = Seldom()

    async def middleware(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Update)
        asked = event.callback_query or event.message
        if not asked or (isinstance(asked, Message) and not _is_for_us(asked)):
            return []
        message = asked.message if isinstance(asked, CallbackQuery) else asked
        person = access.who(config, _sender_id(asked))
        if not person:
            _count(asked, message, strangers)
            return []
        if not isinstance(message, Message):  # too old for Telegram to tell more of it than its number
            metrics.refused.labels("old_button").inc()
            return (
                [AnswerCallbackQuery(callback_query_id=asked.id, text=OLD)] if isinstance(asked, CallbackQuery) else []
            )
        here = access.environments_in(config, message.chat.id, topic_of(message))
        if not here:
            _count(asked, message, strangers)
            return []
        return await handler(event, data | {"person": person, "here": here})

    return middleware


def not_too_often(config: Config) -> Middleware:
    """Of what has a handler: commands and presses.

    A press that is not heard is answered each time, since the button waits for that; of commands the first one only.
    """
    limit = RateLimit(per_minute=config.limits.commands_per_minute)
    told: set[int] = set()

    async def middleware(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        person: Person = data["person"]
        if limit.allows(person.id, time.monotonic()):
            told.discard(person.id)
            return await handler(event, data)
        metrics.refused.labels("too_often").inc()
        if isinstance(event, CallbackQuery):
            return [AnswerCallbackQuery(callback_query_id=event.id, text=TOO_FAST)]
        if isinstance(event, Message) and person.id not in told:
            told.add(person.id)
            log.info("too_often", user_id=person.id, name=person.name)
            connection: AsyncConnection = data["connection"]
            desk: Desk = data["desk"]
            await desk.send(connection, place_of(event), asking.too_often())
        return None

    return middleware


def _is_for_us(message: Message) -> bool:
    """What people say to each other in a group is nothing that a stranger is counted for."""
    return message.chat.type == "private" or (message.text or "").startswith("/")


def _sender_id(asked: Message | CallbackQuery) -> int | None:
    """Nobody's, if it was sent in the name of a group or a channel, or by a bot."""
    if isinstance(asked, Message) and asked.sender_chat:
        return None
    return asked.from_user.id if asked.from_user and not asked.from_user.is_bot else None


def _count(asked: Message | CallbackQuery, message: Message | InaccessibleMessage | None, seldom: Seldom) -> None:
    """The numbers are what an admin needs to let somebody in."""
    metrics.telegram.strangers.inc()
    user_id, chat_id = _sender_id(asked), message.chat.id if message else 0
    if seldom.allows((user_id, chat_id), time.monotonic()):
        log.info("stranger", user_id=user_id, chat_id=chat_id)
