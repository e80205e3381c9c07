"""Anything that can be heard: in a private chat whatever is sent, in a group only what the bot is asked for."""

import time
from dataclasses import dataclass

from aiogram import Router
from aiogram.enums import ChatType, ContentType
from aiogram.types import ExternalReplyInfo, Message, Update, User as TelegramUser
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import limits, metrics, views
from voicebot.catalogue import FALLBACK, Texts
from voicebot.settings import Settings
from voicebot.storage import heard, jobs, queue, users
from voicebot.storage.jobs import Request, variant
from voicebot.storage.outbox import Outgoing
from voicebot.storage.users import User

NAMELESS_KINDS = {None, "application/octet-stream", "application/ogg"}
"""MIME types of documents that may be audio; looking into the file tells."""
NO_RECORDINGS = {ContentType.TEXT, ContentType.PHOTO, ContentType.STICKER, ContentType.ANIMATION, ContentType.DOCUMENT}
"""What people send by mistake. The rest are Telegram's own messages: that something was pinned, for example."""

router = Router()


@dataclass(frozen=True, kw_only=True)
class Recording:
    message_id: int
    """Of the message that is answered."""
    file_id: str
    file_unique_id: str
    seconds: float
    size: int


@router.message()
async def take(
    message: Message,
    event_update: Update,
    event_from_user: TelegramUser,
    sender_id: int,
    connection: AsyncConnection,
    settings: Settings,
    texts: Texts,
    model: str,
    username: str,
) -> list[Outgoing]:
    recording = asked_for(message, username)
    if not recording:
        return _explain(message, texts, username)
    now, user = time.time(), await users.get(connection, sender_id)
    request = _request(message, recording, user, event_update.update_id, event_from_user.language_code, model)
    if known := await heard.transcript(connection, request.file_unique_id, request.variant):
        metrics.jobs.labels("known").inc()
        done = await jobs.add_known(connection, request, known, now)
        # An edit here too: a message may be sent a second time after a kill, and must not be a second transcript then.
        return [views.reply(done, texts("listening")), *views.result(done, texts, known)]
    usage = await queue.usage(connection, user.id, now)
    if refusal := limits.refusal(settings, usage, seconds=recording.seconds, size=recording.size):
        return [views.answer(message, texts(refusal.key, **refusal.values), to=recording.message_id)]
    job = await queue.add(connection, request, now)
    return [views.placeholder(job, texts, await queue.place(connection, job.id))]


def asked_for(message: Message, username: str) -> Recording | None:
    """What this message wants to be transcribed."""
    own, replied = heard_in(message, message.message_id), message.reply_to_message
    if message.chat.type == ChatType.PRIVATE and (own or message.external_reply):
        return own or _quoted(message)
    if _addresses(message) & {f"@{username}".lower(), *_commands(username)}:
        return own or _quoted(message)
    is_to_bot = replied and replied.from_user and replied.from_user.username == username
    return own if is_to_bot else None


def heard_in(message: Message | ExternalReplyInfo, message_id: int) -> Recording | None:
    if message.animation or (message.document and not _may_be_heard(message.document.mime_type)):
        return None  # an animation has no sound, though it comes as a video
    media = message.voice or message.audio or message.video_note or message.video or message.document
    if not media:
        return None
    return Recording(
        message_id=message_id,
        file_id=media.file_id,
        file_unique_id=media.file_unique_id,
        seconds=float(getattr(media, "duration", 0)),
        size=media.file_size or 0,
    )


def _quoted(message: Message) -> Recording | None:
    """What it replies to, here or in another chat."""
    if replied := message.reply_to_message:
        return heard_in(replied, replied.message_id)
    return heard_in(message.external_reply, message.message_id) if message.external_reply else None


def _addresses(message: Message) -> set[str]:
    """The mentions and commands in it."""
    text = message.text or message.caption or ""
    entities = message.entities or message.caption_entities or []
    return {entity.extract_from(text).lower() for entity in entities if entity.type in ("mention", "bot_command")}


def _commands(username: str) -> set[str]:
    return {"/transcribe", f"/transcribe@{username}".lower()}


def _may_be_heard(mime_type: str | None) -> bool:
    return mime_type in NAMELESS_KINDS or (mime_type or "").startswith(("audio/", "video/"))


def _explain(message: Message, texts: Texts, username: str) -> list[Outgoing]:
    if _addresses(message) & _commands(username):
        return [views.answer(message, texts("how_to_transcribe"))]
    is_of_album = message.media_group_id is not None  # each of ten pictures is a message
    if message.chat.type != ChatType.PRIVATE or message.content_type not in NO_RECORDINGS or is_of_album:
        return []
    is_command = (message.text or "").startswith("/")
    return [views.answer(message, texts("unknown_command" if is_command else "hint"))]


def _request(
    message: Message, recording: Recording, user: User, update_id: int, language_code: str | None, model: str
) -> Request:
    return Request(
        update_id=update_id,
        user_id=user.id,
        chat_id=message.chat.id,
        thread_id=views.thread_of(message),
        message_id=recording.message_id,
        ui_language=language_code or FALLBACK,
        file_id=recording.file_id,
        file_unique_id=recording.file_unique_id,
        seconds=recording.seconds,
        speech_language=user.speech_language,
        translate=user.translate,
        timestamps=user.timestamps,
        variant=variant(model, user.translate, user.speech_language),
    )
