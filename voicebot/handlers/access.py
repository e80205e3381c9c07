"""Who may use the bot. Everybody else is told so once, with the number that the owner needs to let them in."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiogram.enums import ChatType
from aiogram.types import Chat, TelegramObject, Update, User
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import metrics, views
from voicebot.catalogue import Texts, texts
from voicebot.settings import Settings
from voicebot.storage import users
from voicebot.storage.outbox import Outgoing

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


def only_for_known(settings: Settings) -> Callable[[Handler, TelegramObject, dict[str, Any]], Awaitable[Any]]:
    """A middleware, which also gives handlers the `texts` of the sender's language, and the `sender_id`."""
    known = settings.allowed_users | {settings.owner_id}

    async def middleware(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        user: User | None = data.get("event_from_user")
        chat: Chat | None = data.get("event_chat")
        if not user or not chat or not isinstance(event, Update):
            return []
        data["sender_id"] = sender_id = _sender_id(event, user)
        data["texts"] = texts(user.language_code)
        if not settings.allowed_users or sender_id in known:
            return await handler(event, data)
        metrics.telegram.strangers.inc()
        return await _refuse(data["connection"], event, sender_id, chat, data["texts"])

    return middleware


def _sender_id(event: Update, user: User) -> int:
    """Of the group or channel, if it was sent in its name: the user is the same for all such messages then.

    https://core.telegram.org/bots/api#message
    """
    sent_as = event.message.sender_chat if event.message else None
    return sent_as.id if sent_as else user.id


async def _refuse(
    connection: AsyncConnection, event: Update, sender_id: int, chat: Chat, texts: Texts
) -> list[Outgoing]:
    if event.callback_query:
        return views.toasted(event.callback_query, texts("stranger_toast"))
    if not event.message or chat.type != ChatType.PRIVATE or (await users.get(connection, sender_id)).refused_at:
        return []
    await users.change(connection, sender_id, refused_at=time.time())
    return [views.answer(event.message, texts("stranger", user_id=sender_id))]
