"""What people see, as calls of the Bot API. Pure: nothing is sent from here."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from typing import Any

from aiogram.methods import (
    AnswerCallbackQuery,
    EditMessageReplyMarkup,
    EditMessageText,
    SendDocument,
    SendMessage,
    TelegramMethod,
)
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, ReplyParameters

from voicebot import languages
from voicebot.catalogue import Texts
from voicebot.parts import end_of, split, units
from voicebot.storage.jobs import Job
from voicebot.storage.outbox import Outgoing
from voicebot.transcript import Segment, Transcript

LONGEST_MESSAGE = 4096
"""UTF-16 units after the HTML is parsed: https://core.telegram.org/bots/api#sendmessage"""
LONGEST_DRAFT = 1500
"""Units of a text that still grows: longer messages meet Telegram's limits sooner, and only the end is new."""
FOLDED_FROM = 700
"""Units from which a text is folded, so that it does not fill the screen."""
MOST_MESSAGES = 3
"""What would take more than that is the beginning, and a file with the whole."""
PARAGRAPH_PAUSE = 2.0
"""Seconds of silence that begin a paragraph."""

Button = tuple[str, str]
"""Text, and what comes back when it is pressed: 64 bytes at most."""


def message(chat_id: int, text: str, *buttons: Button) -> Outgoing:
    return _call(chat_id, SendMessage(chat_id=chat_id, text=text, parse_mode="HTML", reply_markup=_keyboard(buttons)))


def answer(asked: Message, text: str, *buttons: Button, to: int | None = None) -> Outgoing:
    """In the chat and the topic where it was asked; `to` is the message that it replies to."""
    sent = SendMessage(
        chat_id=asked.chat.id,
        message_thread_id=thread_of(asked),
        text=text,
        parse_mode="HTML",
        reply_parameters=_to(to or asked.message_id) if to or asked.chat.id < 0 else None,
        reply_markup=_keyboard(buttons),
    )
    return _call(asked.chat.id, sent)


def thread_of(asked: Message) -> int | None:
    """The topic of a forum. Others have such a number too, by which nothing can be sent."""
    return asked.message_thread_id if asked.is_topic_message else None


def answered(
    query: CallbackQuery, text: str, *buttons: Button, columns: int = 1, toast: str | None = None
) -> list[Outgoing]:
    """The message with the pressed button becomes this one."""
    if not query.message:
        return toasted(query, toast)
    changed = EditMessageText(
        chat_id=query.message.chat.id,
        message_id=query.message.message_id,
        text=text,
        parse_mode="HTML",
        reply_markup=_keyboard(buttons, columns),
    )
    return [*toasted(query, toast), _call(query.message.chat.id, changed)]


def rebuttoned(query: CallbackQuery, *buttons: Button, columns: int = 1) -> list[Outgoing]:
    """The message with the pressed button gets these instead."""
    if not query.message:
        return toasted(query)
    changed = EditMessageReplyMarkup(
        chat_id=query.message.chat.id,
        message_id=query.message.message_id,
        reply_markup=_keyboard(buttons, columns),
    )
    return [*toasted(query), _call(query.message.chat.id, changed)]


def toasted(query: CallbackQuery, text: str | None = None) -> list[Outgoing]:
    """Ends the waiting sign on the button, and says something in passing: 200 characters at most."""
    said = AnswerCallbackQuery(callback_query_id=query.id, text=text)
    return [_call(query.message.chat.id if query.message else query.from_user.id, said)]


def placeholder(job: Job, texts: Texts, place: int) -> Outgoing:
    """The first answer to a recording, which everything else is an edit of."""
    return reply(job, _queued(texts, place), _cancel(job, texts))


def at_place(job: Job, texts: Texts, place: int) -> Outgoing:
    return instead_of_placeholder(job, _queued(texts, place), _cancel(job, texts))


def growing(job: Job, texts: Texts, segments: Sequence[Segment], done: float) -> Outgoing:
    """What is heard so far; `done` is the part of the audio, from 0 to 1."""
    heard = escape(end_of(_body(job, segments), LONGEST_DRAFT)) or texts("listening")
    progress = texts("progress", percent=min(99, int(done * 100)))
    return instead_of_placeholder(job, f"{heard}\n{progress}", _cancel(job, texts))


def reply(job: Job, text: str, *buttons: Button) -> Outgoing:
    """To the recording. What is edited later is what this becomes."""
    sent = SendMessage(
        chat_id=job.chat_id,
        message_thread_id=job.thread_id,
        text=text,
        parse_mode="HTML",
        reply_parameters=_to(job.message_id),
        reply_markup=_keyboard(buttons),
    )
    return _call(job.chat_id, sent, job)


def instead_of_placeholder(job: Job, text: str, *buttons: Button) -> Outgoing:
    changed = EditMessageText(chat_id=job.chat_id, text=text, parse_mode="HTML", reply_markup=_keyboard(buttons))
    return _call(job.chat_id, changed, job)


def closed(job: Job, text: str) -> list[Outgoing]:
    """For a job that is forgotten at once: its placeholder, if it was sent."""
    if not job.placeholder_id:
        return []
    changed = EditMessageText(chat_id=job.chat_id, message_id=job.placeholder_id, text=text, parse_mode="HTML")
    return [_call(job.chat_id, changed)]


def result(job: Job, texts: Texts, transcript: Transcript) -> list[Outgoing]:
    """An edit of the first answer, and what does not go into it."""
    body = _body(job, transcript.segments)
    if not body:
        return [instead_of_placeholder(job, texts("no_speech"))]
    parts = split(body, LONGEST_MESSAGE)
    if len(parts) == 1:
        return [instead_of_placeholder(job, _folded(body), *_doubts(job, texts, transcript))]
    if len(parts) <= MOST_MESSAGES:
        return [instead_of_placeholder(job, _folded(parts[0])), *(_next(job, part) for part in parts[1:])]
    rest = texts("rest_in_file")
    beginning = split(body, LONGEST_MESSAGE - units(f"\n{rest}"))[0]
    return [instead_of_placeholder(job, f"{_folded(beginning)}\n{rest}"), _document(job, texts, body)]


def timestamp(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _next(job: Job, part: str) -> Outgoing:
    """Of a long text. It is no placeholder."""
    return replace(reply(job, _folded(part)), job_id=None)


def _doubts(job: Job, texts: Texts, transcript: Transcript) -> list[Button]:
    """A language that is not the listener's own may be a mistake: Whisper makes them with short recordings."""
    is_own = transcript.language in ("", languages.primary(job.ui_language))
    if job.speech_language or is_own:
        return []
    return [(texts("wrong_language_button", language=languages.name(transcript.language)), f"language:{job.id}")]


def _queued(texts: Texts, place: int) -> str:
    return texts("queued", place=place) if place > 1 else texts("queued_next")


def _cancel(job: Job, texts: Texts) -> Button:
    return texts("cancel_button"), f"cancel:{job.id}"


def _to(message_id: int) -> ReplyParameters:
    return ReplyParameters(message_id=message_id, allow_sending_without_reply=True)


def _body(job: Job, segments: Sequence[Segment]) -> str:
    spoken = [segment for segment in segments if segment.text.strip()]
    if job.timestamps:
        return "\n".join(f"[{timestamp(segment.start)}] {segment.text.strip()}" for segment in spoken)
    return "".join(_with_spaces(spoken))


def _with_spaces(segments: Sequence[Segment]) -> Iterator[str]:
    ended = None
    for segment in segments:
        if ended is not None:
            yield "\n\n" if segment.start - ended >= PARAGRAPH_PAUSE else " "
        yield segment.text.strip()
        ended = segment.end


def _folded(text: str) -> str:
    is_long = units(text) >= FOLDED_FROM
    return f"<blockquote expandable>{escape(text)}</blockquote>" if is_long else escape(text)


def _document(job: Job, texts: Texts, body: str) -> Outgoing:
    payload = {
        "chat_id": job.chat_id,
        "message_thread_id": job.thread_id,
        "caption": texts("transcript_file"),
        "reply_parameters": _to(job.message_id).model_dump(exclude_unset=True),
    }
    return Outgoing(
        chat_id=job.chat_id, method=SendDocument.__name__, payload=payload, document=body, user_id=job.user_id
    )


def _keyboard(buttons: Sequence[Button], columns: int = 1) -> InlineKeyboardMarkup | None:
    keys = [InlineKeyboardButton(text=text, callback_data=data) for text, data in buttons]
    rows = [keys[at : at + columns] for at in range(0, len(keys), columns)]
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def _call(chat_id: int, method: TelegramMethod[Any], job: Job | None = None) -> Outgoing:
    payload = method.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    return Outgoing(
        chat_id=chat_id,
        method=type(method).__name__,
        payload=payload,
        job_id=job.id if job else None,
        user_id=job.user_id if job else None,
    )
