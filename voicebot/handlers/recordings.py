"""Anything that can be heard: in a private chat whatever is sent, in a group only what the bot is asked for."""

import time
from dataclasses import dataclass

from aiogram import Router
from aiogram.enums import ChatType
from aiogram.types import Message, Update, User
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import limits, views
from voicebot.catalogue import Texts
from voicebot.settings import Settings
from voicebot.storage import jobs, users
from voicebot.storage.jobs import Request
from voicebot.storage.outbox import Outgoing

NAMELESS_KINDS = {None, "application/octet-stream", "application/ogg"}
"""MIME types of documents that may be audio; looking into the file tells."""

router = Router()


@dataclass(frozen=True, kw_only=True)
class Recording:
    message_id: int
    file_id: str
    file_unique_id: str
    seconds: float
    size: int


@router.message()
async def take(
    message: Message,
    event_update: Update,
    event_from_user: User,
    connection: AsyncConnection,
    settings: Settings,
    texts: Texts,
    model: str,
    username: str,
) -> list[Outgoing]:
    recording = asked_for(message, username)
    if not recording:
        return [views.message(message.chat.id, texts("hint"))] if message.chat.type == ChatType.PRIVATE else []
    now = time.time()
    usage = await jobs.usage(connection, event_from_user.id, now)
    if refusal := limits.refusal(settings, usage, seconds=recording.seconds, size=recording.size):
        return [views.reply(message.chat.id, recording.message_id, texts(refusal.key, **refusal.values))]
    user = await users.get(connection, event_from_user.id)
    request = Request(
        update_id=event_update.update_id,
        user_id=user.id,
        chat_id=message.chat.id,
        message_id=recording.message_id,
        ui_language=texts.language,
        file_id=recording.file_id,
        file_unique_id=recording.file_unique_id,
        seconds=recording.seconds,
        speech_language=user.speech_language,
        translate=user.translate,
        timestamps=user.timestamps,
        variant=f"{model}:{'translate' if user.translate else 'transcribe'}:{user.speech_language or 'auto'}",
    )
    job = await jobs.add(connection, request, now)
    return [views.placeholder(job, texts, await jobs.place(connection, job.id))]


def asked_for(message: Message, username: str) -> Recording | None:
    """What this message wants to be transcribed."""
    if message.chat.type == ChatType.PRIVATE:
        return heard_in(message)
    replied = message.reply_to_message
    if _is_addressed(message, username):
        return heard_in(message) or (heard_in(replied) if replied else None)
    if replied and replied.from_user and replied.from_user.username == username:
        return heard_in(message)
    return None


def heard_in(message: Message) -> Recording | None:
    document = message.document
    if document and not _may_be_heard(document.mime_type):
        return None
    media = message.voice or message.audio or message.video_note or message.video or document
    if not media:
        return None
    return Recording(
        message_id=message.message_id,
        file_id=media.file_id,
        file_unique_id=media.file_unique_id,
        seconds=float(getattr(media, "duration", 0)),
        size=media.file_size or 0,
    )


def _may_be_heard(mime_type: str | None) -> bool:
    return mime_type in NAMELESS_KINDS or (mime_type or "").startswith(("audio/", "video/"))


def _is_addressed(message: Message, username: str) -> bool:
    text = message.text or message.caption or ""
    entities = message.entities or message.caption_entities or []
    mentioned = {entity.extract_from(text).lower() for entity in entities if entity.type in ("mention", "bot_command")}
    name = f"@{username}".lower()
    return bool(mentioned & {name, "/transcribe", f"/transcribe{name}"})
