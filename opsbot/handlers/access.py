"""Who is heard: people of the config, where commands are taken. Everybody else gets silence, and is counted."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram.types import CallbackQuery, Message, TelegramObject, Update

from opsbot import access, metrics
from opsbot.access import RateLimit, Seldom
from opsbot.config import Config

log = structlog.get_logger(__name__)
Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


def only_for_known(config: Config) -> Callable[[Handler, TelegramObject, dict[str, Any]], Awaitable[Any]]:
    """A middleware, which gives handlers the `person` who asks, and the environments that the chat is about: `here`."""
    limit, strangers = RateLimit(per_minute=config.limits.commands_per_minute), Seldom()

    async def middleware(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(event, Update)
        asked = event.callback_query or event.message
        message = asked.message if isinstance(asked, CallbackQuery) else asked
        if not asked or not isinstance(message, Message):  # a message that Telegram tells no more of, say
            return []
        person = access.who(config, _sender_id(asked))
        here = access.environments_in(config, message.chat.id, topic_of(message))
        if not person or not here:
            _count(asked, message, strangers)
            return []
        if not limit.allows(person.id, time.monotonic()):
            metrics.refused.labels("too_often").inc()
            return []
        return await handler(event, data | {"person": person, "here": here})

    return middleware


def topic_of(message: Message) -> int | None:
    """The topic of a forum. Others have such a number too, by which nothing can be sent."""
    return message.message_thread_id if message.is_topic_message else None


def _sender_id(asked: Message | CallbackQuery) -> int | None:
    """Nobody's, if it was sent in the name of a group or a channel."""
    if isinstance(asked, Message) and asked.sender_chat:
        return None
    return asked.from_user.id if asked.from_user else None


def _count(asked: Message | CallbackQuery, message: Message, seldom: Seldom) -> None:
    """The numbers are what an admin needs to let somebody in."""
    metrics.telegram.strangers.inc()
    user_id, chat_id = _sender_id(asked), message.chat.id
    if seldom.allows((user_id, chat_id), time.monotonic()):
        log.info("stranger", user_id=user_id, chat_id=chat_id)
