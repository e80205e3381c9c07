"""Sends what stands in the outbox: each chat's calls one after the other, at the pace that Telegram allows.

A call that was made and not yet taken off is made again by whoever comes after a kill. An edit changes nothing then.
For a message it is the one window that cannot be closed: Telegram has no key by which it would know the second one.
"""

import asyncio
import functools
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram import Bot, methods
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramRetryAfter,
)
from aiogram.methods import AnswerCallbackQuery, EditMessageText, SendMessage, TelegramMethod
from aiogram.types import BufferedInputFile, Message
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.pace import Pace
from voicebot.signals import Signals
from voicebot.storage import Database, jobs, outbox
from voicebot.storage.outbox import Pending

log = structlog.get_logger(__name__)

AT_ONCE = 16
LONGEST_PAUSE = 60.0
DRAIN_SECONDS = 3.0
"""How long one that is told to stop goes on sending what others could send as well."""
FILE_NAME = "transcript.txt"


class Outbox:
    def __init__(self, bot: Bot, database: Database, pace: Pace, signals: Signals, owner: int) -> None:
        self._bot = bot
        self._database = database
        self._pace = pace
        self._signals = signals
        self._owner = owner
        self._at_work: set[int] = set()
        """Chats that one of our tasks is writing to, or waits for."""
        self._until = math.inf

    def drain(self) -> None:
        """Lets `run` end."""
        self._until = time.monotonic() + DRAIN_SECONDS
        self._signals.to_send.ring()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < self._until:
                found = await self._claim()
                for call in found:
                    group.create_task(self._deliver(call))
                if not found:
                    if self._is_draining and not self._at_work:
                        return
                    await self._signals.to_send.wait(1)

    @property
    def _is_draining(self) -> bool:
        return self._until < math.inf

    async def _claim(self) -> list[Pending]:
        room = AT_ONCE - len(self._at_work)
        if room <= 0:
            return []
        try:
            async with self._database.writing() as connection:
                found = await outbox.claim(connection, self._owner, self._at_work, room)
        except SQLAlchemyError as error:
            log.warning("database_failed", error=str(error))
            return []
        self._at_work |= {call.chat_id for call in found}
        return found

    async def _deliver(self, call: Pending) -> None:
        async with self._pace.writing(call.chat_id):
            pause = await self._send(call)
        if not self._is_draining:
            await asyncio.sleep(pause)
            self._at_work.discard(call.chat_id)
        elif not pause:
            self._at_work.discard(call.chat_id)  # else the next process tries again
        self._signals.to_send.ring()

    async def _send(self, call: Pending) -> float:
        """Seconds until the chat may be written to again."""
        method = await self._method(call)
        if not method:
            await self._write(outbox.remove, call)
            return 0.0
        if not isinstance(method, AnswerCallbackQuery):  # that shows in no chat, and is taken for 15 seconds only
            await self._pace.turn(call.chat_id)
        try:
            sent = await self._call(method)
        except TelegramForbiddenError:
            await self._write(_forget_chat, call)
            return 0.0
        except TelegramBadRequest as error:
            log.error("not_sent", method=call.method, job_id=call.job_id, error=error.message)
            await self._write(outbox.remove, call)
            return 0.0
        except AiogramError as error:
            await self._write(outbox.give_back, call)
            return self._pause(call, error)
        await self._write(_record, call, sent=sent)
        return 0.0

    async def _call(self, method: TelegramMethod[Any]) -> Any:
        try:
            return await self._bot(method)
        except TelegramBadRequest as error:
            if not isinstance(method, EditMessageText):
                raise
            if "message is not modified" in error.message:  # Telegram has no code for it
                return True
            # It was deleted, or has become too old to be edited: what it was to say is said anew.
            return await self._bot(_instead(method))

    def _pause(self, call: Pending, error: AiogramError) -> float:
        log.warning("not_sent_yet", method=call.method, error=str(error), attempts=call.attempts + 1)
        if isinstance(error, TelegramRetryAfter):
            self._pace.hold(call.chat_id, error.retry_after)
            return float(error.retry_after)
        return min(LONGEST_PAUSE, 2.0 ** min(call.attempts, 6)) * random.uniform(0.5, 1)

    async def _method(self, call: Pending) -> TelegramMethod[Any] | None:
        """None if what it is about was erased meanwhile."""
        payload = dict(call.payload)
        if call.document is not None:
            payload["document"] = BufferedInputFile(call.document.encode(), FILE_NAME)
        kind: type[TelegramMethod[Any]] = getattr(methods, call.method)
        if kind is not EditMessageText or call.job_id is None:
            return kind(**payload)
        async with self._database.reading() as connection:
            job = await jobs.get(connection, call.job_id)
        if not job:
            return None
        changed = EditMessageText(message_id=job.placeholder_id, **payload)
        return changed if job.placeholder_id else _instead(changed)

    async def _write(self, change: Callable[..., Awaitable[None]], call: Pending, **more: object) -> None:
        await self._database.insist(functools.partial(change, call=call, **more))


async def _record(connection: AsyncConnection, call: Pending, sent: object) -> None:
    if call.job_id is not None and isinstance(sent, Message):
        await jobs.set_placeholder(connection, call.job_id, sent.message_id)
    await outbox.remove(connection, call)  # after the job, as everybody does: else two could wait for each other


async def _forget_chat(connection: AsyncConnection, call: Pending) -> None:
    """The bot was blocked, or put out of the group: nothing more can be said there."""
    await jobs.cancel_chat(connection, call.chat_id, time.time())
    await outbox.remove_all(connection, call.chat_id)


def _instead(method: EditMessageText) -> SendMessage:
    kept = method.model_dump(exclude_unset=True, exclude={"message_id"})
    return SendMessage(**kept)
