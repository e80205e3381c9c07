"""What people see, as calls of the Bot API. Pure: nothing is sent from here."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from typing import Any

from aiogram.methods import AnswerCallbackQuery, EditMessageText, SendDocument, SendMessage, TelegramMethod
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters

from voicebot.catalogue import Texts
from voicebot.storage.jobs import Job
from voicebot.storage.outbox import Outgoing
from voicebot.transcript import Segment, Transcript

LONGEST_MESSAGE = 4096
"""UTF-16 units after the HTML is parsed: https://core.telegram.org/bots/api#sendmessage"""
LONGEST_DRAFT = 1500
"""Units of a text that still grows: longer messages meet Telegram's limits sooner, and only the end is new."""
FOLDED_FROM = 700
"""Units from which a text is folded, so that it does not fill the screen."""
MOST_MESSAGES = 5
"""What would take more than that is the beginning, and a file with the whole."""
PARAGRAPH_PAUSE = 2.0
"""Seconds of silence that begin a paragraph."""

Button = tuple[str, str]
"""Text, and what comes back when it is pressed: 64 bytes at most."""


def message(chat_id: int, text: str, *buttons: Button) -> Outgoing:
    return _call(chat_id, SendMessage(chat_id=chat_id, text=text, parse_mode="HTML", reply_markup=_keyboard(buttons)))


def reply(chat_id: int, to_message_id: int, text: str) -> Outgoing:
    to = ReplyParameters(message_id=to_message_id, allow_sending_without_reply=True)
    return _call(chat_id, SendMessage(chat_id=chat_id, text=text, parse_mode="HTML", reply_parameters=to))


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


def toasted(query: CallbackQuery, text: str | None = None) -> list[Outgoing]:
    """Ends the waiting sign on the button, and says something in passing."""
    said = AnswerCallbackQuery(callback_query_id=query.id, text=text)
    return [_call(query.message.chat.id if query.message else query.from_user.id, said)]


def placeholder(job: Job, texts: Texts, place: int) -> Outgoing:
    """The first answer to a recording, which everything else is an edit of."""
    to = ReplyParameters(message_id=job.message_id, allow_sending_without_reply=True)
    sent = SendMessage(
        chat_id=job.chat_id,
        text=queued(texts, place),
        parse_mode="HTML",
        reply_parameters=to,
        reply_markup=_keyboard([cancel(job, texts)]),
    )
    return _call(job.chat_id, sent, job)


def queued(texts: Texts, place: int) -> str:
    return texts("queued", place=place)


def cancel(job: Job, texts: Texts) -> Button:
    return texts("cancel_button"), f"cancel:{job.id}"


def growing(job: Job, texts: Texts, segments: Sequence[Segment], done: float) -> Outgoing:
    """What is heard so far; `done` is the part of the audio, from 0 to 1."""
    heard = escape(_end_of(_body(job, segments), LONGEST_DRAFT)) or texts("listening")
    progress = texts("progress", percent=min(99, int(done * 100)))
    return instead_of_placeholder(job, f"{heard}\n{progress}", cancel(job, texts))


def instead_of_placeholder(job: Job, text: str, *buttons: Button) -> Outgoing:
    changed = EditMessageText(chat_id=job.chat_id, text=text, parse_mode="HTML", reply_markup=_keyboard(buttons))
    return _call(job.chat_id, changed, job)


def result(job: Job, texts: Texts, transcript: Transcript) -> list[Outgoing]:
    body = _body(job, transcript.segments)
    if not body:
        return [instead_of_placeholder(job, texts("no_speech"))]
    first, *others = split(body, LONGEST_MESSAGE)
    shown = [instead_of_placeholder(job, _folded(first))]
    if len(others) < MOST_MESSAGES:
        shown += [reply(job.chat_id, job.message_id, _folded(part)) for part in others]
    else:
        shown.append(_document(job, texts, body))
    return [replace(call, user_id=job.user_id) for call in shown]


def split(text: str, longest: int) -> list[str]:
    """Parts of at most `longest` UTF-16 units, cut after a sentence, else after a word, else anywhere."""
    parts = []
    while units(text) > longest:
        head = _beginning_of(text, longest)
        cut = _last_cut(head)
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*parts, text]


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def timestamp(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _body(job: Job, segments: Sequence[Segment]) -> str:
    if job.timestamps:
        return "\n".join(f"[{timestamp(segment.start)}] {segment.text.strip()}" for segment in segments)
    return "".join(_with_spaces(segments))


def _with_spaces(segments: Sequence[Segment]) -> Iterator[str]:
    ended = None
    for segment in segments:
        if ended is not None:
            yield "\n\n" if segment.start - ended >= PARAGRAPH_PAUSE else " "
        yield segment.text.strip()
        ended = segment.end


def _beginning_of(text: str, longest: int) -> str:
    return text.encode("utf-16-le")[: longest * 2].decode("utf-16-le", "ignore")  # half a surrogate pair is left out


def _end_of(text: str, longest: int) -> str:
    if units(text) <= longest:
        return text
    end = text.encode("utf-16-le")[-longest * 2 :].decode("utf-16-le", "ignore")
    return f"… {end.partition(' ')[2] or end}"


def _last_cut(head: str) -> int:
    ends = (". ", "! ", "? ", "… ", "\n")
    sentence = max(head.rfind(end) + len(end) for end in ends if end in head) if any(e in head for e in ends) else 0
    if sentence > len(head) // 2:
        return sentence
    return head.rfind(" ") + 1 or len(head)


def _folded(text: str) -> str:
    kind = "blockquote expandable" if units(text) >= FOLDED_FROM else ""
    return f"<{kind}>{escape(text)}</blockquote>" if kind else escape(text)


def _document(job: Job, texts: Texts, body: str) -> Outgoing:
    to = ReplyParameters(message_id=job.message_id, allow_sending_without_reply=True)
    payload = {
        "chat_id": job.chat_id,
        "caption": texts("transcript_file"),
        "reply_parameters": to.model_dump(exclude_unset=True),
    }
    return Outgoing(chat_id=job.chat_id, method=SendDocument.__name__, payload=payload, document=body)


def _keyboard(buttons: Sequence[Button], columns: int = 1) -> InlineKeyboardMarkup | None:
    keys = [InlineKeyboardButton(text=text, callback_data=data) for text, data in buttons]
    rows = [keys[at : at + columns] for at in range(0, len(keys), columns)]
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def _call(chat_id: int, method: TelegramMethod[Any], job: Job | None = None) -> Outgoing:
    payload = method.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    return Outgoing(chat_id=chat_id, method=type(method).__name__, payload=payload, job_id=job.id if job else None)
