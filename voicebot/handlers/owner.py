"""What only the owner may see and do, in a private chat."""

import re
import time
from html import escape

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import views
from voicebot.catalogue import Texts
from voicebot.storage import jobs
from voicebot.storage.outbox import Outgoing

MOST_SHOWN = 10
MOST_OF_ERROR = 300
"""Characters of each, so that all of them fit into a message."""


def router(owner_id: int | None) -> Router:
    made = Router()
    made.message.filter(F.from_user.id == owner_id, F.chat.type == ChatType.PRIVATE)
    made.callback_query.filter(F.from_user.id == owner_id)
    made.message.register(list_dead, Command("dead"))
    made.callback_query.register(retry, F.data.regexp(r"^retry:(\d+)$").as_("match"))
    return made


async def list_dead(message: Message, connection: AsyncConnection, texts: Texts) -> list[Outgoing]:
    failed = await jobs.failed(connection, MOST_SHOWN)
    if not failed:
        return [views.answer(message, texts("dead_none"))]
    lines = [texts("dead_line", id=job.id, error=escape((job.error or "")[:MOST_OF_ERROR])) for job in failed]
    buttons = [(texts("retry_button", id=job.id), f"retry:{job.id}") for job in failed]
    return [views.answer(message, "\n".join([texts("dead_title"), *lines]), *buttons)]


async def retry(
    query: CallbackQuery, match: re.Match[str], connection: AsyncConnection, texts: Texts
) -> list[Outgoing]:
    again = await jobs.retry(connection, int(match[1]), time.time())
    return views.toasted(query, texts("retried" if again else "nothing_to_cancel"))
