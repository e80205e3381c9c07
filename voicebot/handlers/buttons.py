"""The button beneath a recording that waits or is being heard."""

import re
import time

from aiogram import F, Router
from aiogram.types import CallbackQuery
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import views
from voicebot.catalogue import Texts
from voicebot.storage import jobs
from voicebot.storage.outbox import Outgoing

router = Router()


@router.callback_query(F.data.regexp(r"^cancel:(\d+)$").as_("match"))
async def cancel(
    query: CallbackQuery, match: re.Match[str], connection: AsyncConnection, texts: Texts
) -> list[Outgoing]:
    job = await jobs.get(connection, int(match[1]))
    if job and job.user_id != query.from_user.id:
        return views.toasted(query, texts("not_yours"))
    if not job or not await jobs.cancel(connection, job.id, time.time()):
        return views.toasted(query, texts("nothing_to_cancel"))
    return [*views.toasted(query), views.instead_of_placeholder(job, texts("cancelled"))]
