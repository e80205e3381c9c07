"""The buttons beneath the answer to a recording: for whoever asked for it."""

import re
import time
from dataclasses import fields
from typing import Any

from aiogram import F, Router
from aiogram.types import CallbackQuery, Update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import languages, limits, metrics, views
from voicebot.catalogue import Texts
from voicebot.settings import Settings
from voicebot.storage import heard, jobs, queue
from voicebot.storage.jobs import Job, Request, variant
from voicebot.storage.outbox import Outgoing

router = Router()


@router.callback_query(F.data.regexp(r"^cancel:(\d+)$").as_("match"))
async def cancel(
    query: CallbackQuery, match: re.Match[str], connection: AsyncConnection, texts: Texts
) -> list[Outgoing]:
    job = await jobs.get(connection, int(match[1]))
    if job and not _may_press(query, job):
        return views.toasted(query, texts("not_yours"))
    if not job or not await jobs.cancel(connection, job.id, time.time()):
        return views.toasted(query, texts("nothing_to_cancel"))
    return [*views.toasted(query), views.instead_of_placeholder(job, texts("cancelled"))]


@router.callback_query(F.data.regexp(r"^language:(\d+)$").as_("match"))
async def ask_language(
    query: CallbackQuery, match: re.Match[str], connection: AsyncConnection, texts: Texts
) -> list[Outgoing]:
    job = await jobs.get(connection, int(match[1]))
    if not job:
        return views.toasted(query, texts("old_button"))
    if not _may_press(query, job):
        return views.toasted(query, texts("not_yours"))
    choice = [(name, f"hear:{job.id}:{code}") for code, name in languages.NAMES.items()]
    return views.rebuttoned(query, *choice, columns=3)


@router.callback_query(F.data.regexp(r"^hear:(\d+):([a-z]{2})$").as_("match"))
async def hear_again(
    query: CallbackQuery,
    match: re.Match[str],
    event_update: Update,
    connection: AsyncConnection,
    settings: Settings,
    texts: Texts,
    model: str,
) -> list[Outgoing]:
    """In the language that it really is in; the answer becomes the other one."""
    job = await jobs.get(connection, int(match[1]))
    if not job:
        return views.toasted(query, texts("old_button"))
    if not _may_press(query, job):
        return views.toasted(query, texts("not_yours"))
    request, now = _in_language(job, match[2], event_update.update_id, model), time.time()
    if known := await heard.transcript(connection, request.file_unique_id, request.variant):
        metrics.jobs.labels("known").inc()
        again = await jobs.add_known(connection, request, known, now)
        answer = views.result(again, texts, known)
    else:
        usage = await queue.usage(connection, job.user_id, now)
        if refusal := limits.refusal(settings, usage, seconds=job.seconds, size=0):
            return views.toasted(query, texts(refusal.key, **refusal.values))
        again = await queue.add(connection, request, now)
        answer = [views.at_place(again, texts, await queue.place(connection, again.id))]
    if job.placeholder_id:
        await jobs.set_placeholder(connection, again.id, job.placeholder_id)
    return [*views.toasted(query), *answer]


@router.callback_query()
async def unknown(query: CallbackQuery, texts: Texts) -> list[Outgoing]:
    """Of another version, before or after this one."""
    return views.toasted(query, texts("old_button"))


def _may_press(query: CallbackQuery, job: Job) -> bool:
    """What was asked in the name of a group or channel is anybody's there: who it was is not told."""
    return job.user_id == query.from_user.id or job.user_id < 0


def _in_language(job: Job, code: str, update_id: int, model: str) -> Request:
    same: dict[str, Any] = {field.name: getattr(job, field.name) for field in fields(Request)}
    changed = {"update_id": update_id, "speech_language": code, "variant": variant(model, job.translate, code)}
    return Request(**(same | changed))
