"""Brings Telegram to what messages are to show: each chat's one after the other, at the pace that Telegram allows.

What is to be shown stands in the database, so after a kill it is brought there by whoever comes next. An edit that was
made and not noted changes nothing the second time. For a new message that is the one window that cannot be closed:
Telegram has no key by which it would know the second one.
"""

import asyncio
import math
import random
import re
import time
from dataclasses import replace
from functools import partial
from html import escape, unescape

import structlog
from aiogram import Bot
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
)
from aiogram.methods import EditMessageText, SendDocument, SendMessage
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    ReplyParameters,
)
from sqlalchemy.exc import SQLAlchemyError

from botkit.database import Database, reason
from botkit.pace import Pace
from botkit.signals import Bell
from botkit.telegram import make
from opsbot.storage import messages
from opsbot.storage.messages import Change, Keyboard, Pending, View

log = structlog.get_logger(__name__)

AT_ONCE = 16
LOOK_SECONDS = 1.0
LONGEST_PAUSE = 60.0
MOST_ATTEMPTS = 1500
"""Of one state: about a day. Telegram may be down for hours, and what is shown then is to be true."""
_GONE = ("message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID")
"""What Telegram says of a message that it changes no more; it has no code for that."""
_NOT_TAKEN = ("can't parse entities", "message is too long", "MESSAGE_TOO_LONG", "caption is too long")
_LONGEST_TEXT, _LONGEST_CAPTION = 4096, 1024
"""Units of UTF-16 without the marks: https://core.telegram.org/bots/api#sendmessage"""
_MARKS = re.compile(r"<[^<>]*>")
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
DRAIN_SECONDS = 5.0
"""How long one that is told to stop goes on showing what others could show as well."""


class Screen:
    def __init__(self, bot: Bot, database: Database, pace: Pace, to_show: Bell, owner: int) -> None:
        self._bot = bot
        self._database = database
        self._pace = pace
        self._to_show = to_show
        self._owner = owner
        self._at_work: set[int] = set()
        """Chats that one of our tasks writes to."""
        self._until = math.inf

    def drain(self) -> None:
        """Lets `run` end when all is shown."""
        self._until = time.monotonic() + DRAIN_SECONDS
        self._to_show.ring()

    async def run(self) -> None:
        """Until `drain`."""
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < self._until:
                resting = self._pace.resting()
                due = await self._claim(set(resting))
                for pending in due:
                    group.create_task(self._bring(pending))
                if not due:
                    if self._until < math.inf and not self._at_work and not resting:
                        return
                    await self._to_show.wait(min([LOOK_SECONDS, *resting.values()]))

    async def _claim(self, resting: set[int]) -> list[Pending]:
        """One for each chat that may be written to."""
        due: dict[int, Pending] = {}
        try:
            async with self._database.writing() as connection:
                for pending in await messages.behind(connection, resting | self._at_work):
                    chat_id = pending.place.chat_id
                    if len(due) + len(self._at_work) < AT_ONCE and chat_id not in due and self._may_be_shown(pending):
                        due[chat_id] = pending
                await messages.claim(connection, due.values(), self._owner)
        except SQLAlchemyError as error:
            log.warning("database_failed", error=reason(error))
            return []
        self._at_work |= due.keys()
        return list(due.values())

    def _may_be_shown(self, pending: Pending) -> bool:
        return not _is_paced_edit(pending) or self._pace.takes_edit(pending.place.chat_id)

    async def _bring(self, pending: Pending) -> None:
        chat_id = pending.place.chat_id
        async with self._pace.writing(chat_id):
            if not _is_paced_edit(pending):  # that was counted when it was allowed
                await self._pace.turn(chat_id)
            await self._database.insist(await self._shown(pending))
        self._at_work.remove(chat_id)
        self._to_show.ring()

    async def _shown(self, pending: Pending) -> Change:
        """What is to be noted."""
        try:
            number = await self._call(pending)
        except TelegramForbiddenError:
            log.info("not_shown", chat_id=pending.place.chat_id, error="the bot was blocked, or put out of the chat")
            return partial(messages.give_up, pending=pending)
        except TelegramMigrateToChat as error:
            moved = {"chat_id": pending.place.chat_id, "new_chat_id": error.migrate_to_chat_id}
            log.warning("chat_moved", **moved, hint="write the new number into the config: no command is taken there")
            return partial(messages.move, old_id=pending.place.chat_id, new_id=error.migrate_to_chat_id)
        except (TelegramBadRequest, TelegramEntityTooLarge) as error:
            log.error("not_shown", message=pending.id, error=error.message)
            if pending.telegram_id and any(said in error.message for said in _GONE):
                return partial(messages.lost, pending=pending)
            return partial(messages.give_up, pending=pending)
        except TelegramRetryAfter as error:
            log.warning("not_shown_yet", message=pending.id, error=error.message)
            self._pace.hold(pending.place.chat_id, error.retry_after)
            return partial(messages.put_back, pending=pending)
        except AiogramError as error:
            log.warning("not_shown_yet", message=pending.id, error=reason(error), attempts=pending.attempts + 1)
            self._pace.hold(pending.place.chat_id, _pause(pending))
            given_up = pending.attempts + 1 >= MOST_ATTEMPTS
            return partial(messages.give_up if given_up else messages.failed, pending=pending)
        except Exception:  # a mistake of ours in one message is to end neither the others nor a deploy
            log.exception("not_shown", message=pending.id)
            return partial(messages.give_up, pending=pending)
        return partial(messages.shown, pending=pending, telegram_id=number or pending.telegram_id)

    async def _call(self, pending: Pending) -> int:
        """The number of the message, where Telegram tells it. What it cannot read is shown without its marks."""
        try:
            return await make(self._bot, _method(pending))
        except TelegramBadRequest as error:
            if "message is not modified" in error.message:  # Telegram has no code for it
                return 0
            plain = replace(pending, view=_plain(pending.view))
            if plain == pending or not any(said in error.message for said in _NOT_TAKEN):
                raise
            log.error("shown_plainly", message=pending.id, error=error.message)
        return await self._call(plain)


def _is_paced_edit(pending: Pending) -> bool:
    """What waits until Telegram has time for it."""
    return bool(pending.telegram_id) and not pending.urgent


def _plain(view: View) -> View:
    """Without marks, and no longer than Telegram takes."""
    most = _LONGEST_TEXT if view.document is None else _LONGEST_CAPTION
    units = unescape(_MARKS.sub("", view.text)).encode("utf-16-le")[: 2 * most]
    return replace(view, text=escape(units.decode("utf-16-le", errors="ignore")))


def _method(pending: Pending) -> SendMessage | SendDocument | EditMessageText:
    place, view = pending.place, pending.view
    keyboard = _markup(view.keyboard)
    if pending.telegram_id:
        return EditMessageText(
            chat_id=place.chat_id,
            message_id=pending.telegram_id,
            text=view.text,
            parse_mode="HTML",
            reply_markup=keyboard,
            link_preview_options=_NO_PREVIEW,
        )
    to = ReplyParameters(message_id=place.reply_to, allow_sending_without_reply=True) if place.reply_to else None
    if view.document is not None:
        return SendDocument(
            chat_id=place.chat_id,
            message_thread_id=place.thread_id,
            document=BufferedInputFile(view.document.encode(), view.file_name),
            caption=view.text,
            parse_mode="HTML",
            reply_parameters=to,
        )
    return SendMessage(
        chat_id=place.chat_id,
        message_thread_id=place.thread_id,
        text=view.text,
        parse_mode="HTML",
        reply_parameters=to,
        reply_markup=keyboard,
        link_preview_options=_NO_PREVIEW,
    )


def _markup(keyboard: Keyboard) -> InlineKeyboardMarkup | None:
    rows = [[InlineKeyboardButton(text=text, callback_data=data) for text, data in row] for row in keyboard]
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def _pause(pending: Pending) -> float:
    return min(LONGEST_PAUSE, 2.0 ** min(pending.attempts, 6)) * random.uniform(0.5, 1)
