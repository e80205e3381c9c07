"""Sends what stands in the outbox: each chat's calls one after the other, at the pace that Telegram allows.

A call that was made and not yet taken off is made again by whoever comes after a kill. An edit changes nothing then.
For a message it is the one window that cannot be closed: Telegram has no key by which it would know the second one. So
what is said of a recording is always an edit, also where its first answer is gone: then of a new one.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any, TypeAlias

import structlog
from aiogram import Bot, methods
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
)
from aiogram.methods import AnswerCallbackQuery, EditMessageText, SendMessage, TelegramMethod
from aiogram.types import BufferedInputFile, ReplyParameters
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.database import Database, reason
from botkit.pace import Pace
from botkit.telegram import make
from voicebot.signals import Signals
from voicebot.storage import chats, jobs, outbox
from voicebot.storage.jobs import Job
from voicebot.storage.outbox import Pending

Change: TypeAlias = Callable[[AsyncConnection], Awaitable[None]]
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
        self._at_work: dict[int, int] = {}
        """Chats that one of our tasks is writing to, and the number of the row."""
        self._until = math.inf

    def drain(self) -> None:
        """Lets `run` end."""
        self._until = time.monotonic() + DRAIN_SECONDS
        self._signals.to_send.ring()

    async def run(self) -> None:
        """Until `drain`. To cancel it is like a kill: what is on its way may be sent again by whoever comes next."""
        async with asyncio.TaskGroup() as group:
            while time.monotonic() < self._until:
                resting = self._pace.resting()
                found = await self._claim(resting)
                for call in found:
                    group.create_task(self._deliver(call))
                if not found:
                    if self._until < math.inf and not self._at_work:
                        return
                    await self._signals.to_send.wait(min([1.0, *resting.values()]))

    async def _claim(self, resting: Collection[int]) -> list[Pending]:
        """Of chats that may be written to: those that may not would take the room of all others."""
        room = AT_ONCE - len(self._at_work)
        if room <= 0:
            return []
        try:
            async with self._database.writing() as connection:
                await outbox.take_back(connection, self._owner, self._at_work.values())
                found = await outbox.claim(connection, self._owner, {*self._at_work, *resting}, room)
        except SQLAlchemyError as error:
            log.warning("database_failed", error=reason(error))
            return []
        self._at_work |= {call.chat_id: call.id for call in found}
        return found

    async def _deliver(self, call: Pending) -> None:
        async with self._pace.writing(call.chat_id):
            await self._database.insist(await self._send(call))
        del self._at_work[call.chat_id]
        self._signals.to_send.ring()

    async def _send(self, call: Pending) -> Change:
        """What becomes of the row."""
        try:
            return await self._carry_out(call)
        except TelegramForbiddenError:
            return partial(chats.leave, chat_id=call.chat_id, now=time.time())  # blocked, or put out of the group
        except TelegramMigrateToChat as error:
            return partial(_move, call=call, new_id=error.migrate_to_chat_id)
        except (TelegramBadRequest, TelegramEntityTooLarge) as error:
            level = logging.INFO if call.method == AnswerCallbackQuery.__name__ else logging.ERROR  # came too late
            log.log(level, "not_sent", method=call.method, job_id=call.job_id, error=error.message)
            return partial(outbox.remove, call=call)
        except (AiogramError, SQLAlchemyError) as error:
            log.warning("not_sent_yet", method=call.method, error=reason(error), attempts=call.attempts + 1)
            self._pace.hold(call.chat_id, _pause(call, error))
            return partial(outbox.give_back, call=call)
        except Exception:  # a row that no call can be made of must not stop all others
            log.exception("not_sent", method=call.method, job_id=call.job_id)
            return partial(outbox.remove, call=call)

    async def _carry_out(self, call: Pending) -> Change:
        if call.method == EditMessageText.__name__ and call.job_id is not None:
            await self._edit_answer(call, call.job_id)
            return partial(outbox.remove, call=call)
        message_id = await self._call(call.chat_id, _method(call))
        return partial(_record, call=call, message_id=message_id)

    async def _edit_answer(self, call: Pending, job_id: int) -> None:
        async with self._database.reading() as connection:
            job = await jobs.get(connection, job_id)
        if not job:
            return  # erased meanwhile
        if job.placeholder_id:
            try:
                await self._edit(call, job.placeholder_id)
            except TelegramBadRequest as error:
                log.info("answered_anew", job_id=job_id, error=error.message)  # deleted, or too old to be edited
            else:
                return
        await self._edit(call, await self._answer_anew(job))

    async def _edit(self, call: Pending, message_id: int) -> None:
        await self._call(call.chat_id, EditMessageText(message_id=message_id, **call.payload))

    async def _answer_anew(self, job: Job) -> int:
        """Its number stands in the database before the text goes into it: else a kill could send the text twice."""
        to = ReplyParameters(message_id=job.message_id, allow_sending_without_reply=True)
        answer = SendMessage(chat_id=job.chat_id, message_thread_id=job.thread_id, text="…", reply_parameters=to)
        message_id = await self._call(job.chat_id, answer)
        await self._database.insist(partial(jobs.set_placeholder, job_id=job.id, message_id=message_id))
        return message_id

    async def _call(self, chat_id: int, method: TelegramMethod[Any]) -> int:
        """The number of the message, where the call makes one."""
        if not isinstance(method, AnswerCallbackQuery):  # that shows in no chat, and is taken for 15 seconds only
            await self._pace.turn(chat_id)
        try:
            return await make(self._bot, method)
        except TelegramBadRequest as error:
            if "message is not modified" in error.message:  # Telegram has no code for it
                return 0
            raise


def _method(call: Pending) -> TelegramMethod[Any]:
    payload = dict(call.payload)
    if call.document is not None:
        payload["document"] = BufferedInputFile(call.document.encode(), FILE_NAME)
    kind: type[TelegramMethod[Any]] = getattr(methods, call.method)
    return kind(**payload)


def _pause(call: Pending, error: Exception) -> float:
    if isinstance(error, TelegramRetryAfter):
        return error.retry_after
    return min(LONGEST_PAUSE, 2.0 ** min(call.attempts, 6)) * random.uniform(0.5, 1)


async def _record(connection: AsyncConnection, call: Pending, message_id: int) -> None:
    if call.job_id is not None:
        await jobs.set_placeholder(connection, call.job_id, message_id)
    await outbox.remove(connection, call)  # after the job, as everybody does: else two could wait for each other


async def _move(connection: AsyncConnection, call: Pending, new_id: int) -> None:
    """A group has another number now. An update says so too, but who was at work meanwhile did not know it."""
    await chats.move(connection, call.chat_id, new_id)
    await outbox.give_back(connection, call)
