"""From the inbox to the handlers: an update is done in the same transaction as what it leads to."""

import asyncio
import time

import structlog
from aiogram import Bot, Dispatcher
from aiogram.dispatcher.event.bases import UNHANDLED

from voicebot import metrics
from voicebot.signals import Signals
from voicebot.storage import UNAVAILABLE, Database, inbox, outbox, reason
from voicebot.storage.inbox import Received
from voicebot.trouble import Trouble

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 3
BATCH = 100
RETRY_SECONDS = 5.0


class Dispatch:
    def __init__(
        self, bot: Bot, database: Database, dispatcher: Dispatcher, trouble: Trouble, signals: Signals
    ) -> None:
        self._bot = bot
        self._database = database
        self._dispatcher = dispatcher
        self._trouble = trouble
        self._signals = signals

    async def run(self) -> None:
        """Until it is cancelled, which undoes what is half done: it is done by whoever comes next."""
        while True:
            try:
                found = await self._next_ones()
                for received in found:
                    await self._handle(received)
            except UNAVAILABLE as error:
                log.warning("database_failed", error=reason(error))
                await asyncio.sleep(1)
                continue
            if not found:
                await self._signals.arrived.wait(1)

    async def _next_ones(self) -> list[Received]:
        async with self._database.reading() as connection:
            return await inbox.next_ones(connection, time.time(), BATCH)

    async def _handle(self, received: Received) -> None:
        try:
            async with self._database.writing() as connection:
                if not await inbox.finish(connection, received.update_id):
                    return  # by who has the lease now: we have lost it, and not heard of that yet
                calls = await self._dispatcher.feed_raw_update(self._bot, received.raw, connection=connection)
                await outbox.put(connection, [] if calls is UNHANDLED else calls, time.time())
        except UNAVAILABLE:
            raise
        except Exception as error:
            await self._failed(received, error)
        else:
            self._signals.to_send.ring()
            self._signals.to_do.ring()
            metrics.updates.labels("handled").inc()

    async def _failed(self, received: Received, error: Exception) -> None:
        log.exception("update_failed", update_id=received.update_id, attempts=received.attempts + 1)
        said = f"{type(error).__name__}: {reason(error)}"
        if received.attempts + 1 < MOST_ATTEMPTS:
            async with self._database.writing() as connection:
                await inbox.postpone(connection, received.update_id, time.time() + RETRY_SECONDS, said)
            return
        async with self._database.writing() as connection:
            await inbox.give_up(connection, received.update_id, said)
        metrics.updates.labels("dead").inc()
        await self._trouble.tell("update_failed", error=said)
