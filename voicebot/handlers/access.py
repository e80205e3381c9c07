"""Who may use the bot. Everybody else is told so once, with the number that the owner needs to let them in."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiogram.enums import ChatType
from aiogram.types import Chat, TelegramObject, User
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import metrics, views
from voicebot.catalogue import texts
from voicebot.settings import Settings
from voicebot.storage import users
from voicebot.storage.outbox import Outgoing

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


def only_for_known(settings: Settings) -> Callable[[Handler, TelegramObject, dict[str, Any]], Awaitable[Any]]:
    """A middleware, which also gives handlers the `texts` of the sender's language."""

    async def middleware(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        user: User | None = data.get("event_from_user")
        chat: Chat | None = data.get("event_chat")
        if not user or not chat:
            return []
        data["texts"] = texts(user.language_code)
        if not settings.allowed_users or user.id in {*settings.allowed_users, settings.owner_id}:
            return await handler(event, data)
        metrics.strangers.inc()
        return await _refuse(data["connection"], user, chat)

    return middleware


async def _refuse(connection: AsyncConnection, user: User, chat: Chat) -> list[Outgoing]:
    known = await users.get(connection, user.id)
    if known.refused_at or chat.type != ChatType.PRIVATE:
        return []
    await users.change(connection, user.id, refused_at=time.time())
    return [views.message(chat.id, texts(user.language_code)("stranger", user_id=user.id))]
