"""From Telegram into the inbox.

Telegram forgets updates when it is asked for later ones, so that is done when they are committed, and not before. Who
stops, or dies, need not confirm anything: the next one is given some of them again, and the inbox knows their numbers.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramConflictError, TelegramRetryAfter, TelegramUnauthorizedError
from aiogram.methods import DeleteWebhook, GetWebhookInfo
from sqlalchemy.exc import SQLAlchemyError

from botkit.database import Database, reason
from botkit.inbox import Inbox, Raw
from botkit.metrics import TelegramMetrics
from botkit.signals import Bell
from botkit.telegram import POLL_SECONDS, GetRawUpdates
from shipper.handover import Handover

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 30.0
"""Seconds between two polls while none succeeds."""


class Intake:
    """`arrived` rings for what is new; `tell_stranger` is awaited each time that another program polls for our bot."""

    def __init__(
        self,
        bot: Bot,
        database: Database,
        inbox: Inbox,
        *,
        allowed_updates: Sequence[str],
        arrived: Bell,
        tell_stranger: Callable[[], Awaitable[None]],
        metrics: TelegramMetrics,
    ) -> None:
        self._bot = bot
        self._database = database
        self._inbox = inbox
        self._allowed_updates = list(allowed_updates)
        self._arrived = arrived
        self._tell_stranger = tell_stranger
        self._metrics = metrics
        self._offset: int | None = None
        self._failures = 0

    async def run(self, handover: Handover) -> None:
        """Polls until we are told to stop."""
        while (found := await handover.until_stop(self._poll())) is not None:
            try:
                await self._accept(found)
            except SQLAlchemyError as error:  # locked, full, gone: Telegram keeps the updates meanwhile
                await handover.until_stop(self._wait_out(error))
                continue
            self._failures = 0
            handover.polled()
            self._metrics.polled.set_to_current_time()

    async def _poll(self) -> list[Raw]:
        while True:
            asked = GetRawUpdates(offset=self._offset, timeout=POLL_SECONDS, allowed_updates=self._allowed_updates)
            try:
                return await self._bot(asked, request_timeout=POLL_SECONDS + 10)
            except AiogramError as error:
                self._metrics.poll_failures.labels(type(error).__name__).inc()
                await self._wait_out(error)

    async def _accept(self, found: list[Raw]) -> None:
        if not found:
            return
        async with self._database.writing() as connection:
            await self._inbox.accept(connection, found, time.time())
        self._offset = found[-1]["update_id"] + 1
        self._metrics.updates.labels("received").inc(len(found))
        self._arrived.ring()

    async def _wait_out(self, error: Exception) -> None:
        self._failures += 1
        pause = min(LONGEST_PAUSE, 0.5 * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1)
        match error:
            case TelegramConflictError():
                await self._tell_conflict()
            case TelegramRetryAfter():
                pause = error.retry_after
            case TelegramUnauthorizedError():
                log.error("token_refused", hint="BOT_TOKEN was revoked: take the new one from @BotFather")
            case _:
                log.warning("not_received", error=reason(error), again_in=round(pause, 1))
        await asyncio.sleep(pause)

    async def _tell_conflict(self) -> None:
        """A webhook, left by a program that the bot was before, is removed. With a stranger we do not fight."""
        try:
            if (await self._bot(GetWebhookInfo())).url:
                await self._bot(DeleteWebhook())
                log.warning("webhook_removed")
                return
        except AiogramError as error:
            log.warning("conflict_not_looked_at", error=str(error))
            return
        await self._tell_stranger()
