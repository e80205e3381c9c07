"""What people see while they wait: their place in the queue, then the text as it grows. None of it must arrive."""

import asyncio
import time

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramRetryAfter
from aiogram.methods import EditMessageText
from sqlalchemy.exc import SQLAlchemyError

from botkit.database import Database, reason
from botkit.pace import Pace
from voicebot import metrics, views
from voicebot.catalogue import texts
from voicebot.storage import jobs, queue
from voicebot.storage.jobs import Job
from voicebot.storage.outbox import Outgoing

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
EDIT_PATIENCE = 5.0
"""Seconds for an edit and its turn in the chat: who hands a recording, or the lease, over waits for one on its way."""
MOST_PLACES = 50
"""How many of those that wait are told how they get on."""


class Progress:
    """Edits of placeholders, made beside the work as the pace allows."""

    def __init__(self, bot: Bot, database: Database, pace: Pace, group: asyncio.TaskGroup) -> None:
        self._bot = bot
        self._database = database
        self._pace = pace
        self._group = group
        self._edits: dict[int, asyncio.Task[None]] = {}
        """The one that is on its way for each job."""

    def show(self, job: Job, changed: Outgoing) -> bool:
        """Whether it is tried. An edit that is not due now is left out: the next one says more."""
        is_due = self._pace.takes_edit(job.chat_id)
        if is_due:
            self._edits[job.id] = edit = self._group.create_task(self._edit(job, changed))
            edit.add_done_callback(lambda _: self._edits.pop(job.id, None))
        return is_due

    async def settle(self, job: Job) -> None:
        """Waits for the edit that is on its way: another process may send the final one, and knows nothing of it."""
        if edit := self._edits.get(job.id):
            await asyncio.wait([edit])

    async def tell_places(self) -> None:
        """Tells those who wait when they have moved up, for ever."""
        told: dict[int, int] = {}
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            waiting = await self._waiting()
            metrics.waiting.set(len(waiting))
            metrics.oldest.set(time.time() - min((job.created_at for job in waiting), default=time.time()))
            # Of one that is new here its first answer has told it; if that was wrong, the next move puts it right.
            told = {job.id: told.get(job.id, place) for place, job in enumerate(waiting, 1)}
            for place, job in enumerate(waiting[:MOST_PLACES], 1):
                if job.placeholder_id and told[job.id] != place and self.show(job, _at_place(job, place)):
                    told[job.id] = place

    async def _waiting(self) -> list[Job]:
        try:
            async with self._database.reading() as connection:
                return await queue.waiting(connection)
        except SQLAlchemyError as error:
            log.warning("database_failed", error=reason(error))
            return []

    async def _edit(self, job: Job, changed: Outgoing) -> None:
        try:
            async with asyncio.timeout(EDIT_PATIENCE), self._pace.writing(job.chat_id):
                # Only now is it certain that this edit does not come after the final one.
                async with self._database.reading() as connection:
                    now = await jobs.get(connection, job.id)
                if now and now.placeholder_id and now.state is job.state:
                    await self._bot(EditMessageText(message_id=now.placeholder_id, **changed.payload))
        except TelegramRetryAfter as error:
            self._pace.hold(job.chat_id, error.retry_after)
        except (AiogramError, SQLAlchemyError, TimeoutError) as error:
            log.debug("progress_not_shown", job_id=job.id, error=str(error))


def _at_place(job: Job, place: int) -> Outgoing:
    return views.at_place(job, texts(job.ui_language), place)
