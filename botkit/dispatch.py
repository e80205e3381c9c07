"""From the inbox to the handlers: an update is done in the same transaction as what it leads to."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram import Bot, Dispatcher
from aiogram.dispatcher.event.bases import UNHANDLED
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.database import UNAVAILABLE, Database, reason
from botkit.inbox import Inbox, Received
from botkit.metrics import TelegramMetrics
from botkit.signals import Bell

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 3
BATCH = 100
RETRY_SECONDS = 5.0


class Dispatch:
    """Handlers are given the transaction as `connection`, in which their update is done.

    `put(connection, returned, now)` stores in it what a handler has returned, [] for an update that none wanted; `done`
    is called when it is committed. `given_up` is awaited, with the last error, for an update that failed too often.
    """

    def __init__(
        self,
        bot: Bot,
        database: Database,
        inbox: Inbox,
        dispatcher: Dispatcher,
        *,
        put: Callable[[AsyncConnection, Any, float], Awaitable[None]],
        done: Callable[[], None],
        given_up: Callable[[str], Awaitable[None]],
        arrived: Bell,
        metrics: TelegramMetrics,
    ) -> None:
        self._bot = bot
        self._database = database
        self._dispatcher = dispatcher
        self._inbox = inbox
        self._put = put
        self._done = done
        self._given_up = given_up
        self._arrived = arrived
        self._metrics = metrics

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
                await self._arrived.wait(1)

    async def _next_ones(self) -> list[Received]:
        async with self._database.reading() as connection:
            return await self._inbox.next_ones(connection, time.time(), BATCH)

    async def _handle(self, received: Received) -> None:
        try:
            async with self._database.writing() as connection:
                if not await self._inbox.finish(connection, received.update_id):
                    return  # by who has the lease now: we have lost it, and not heard of that yet
                returned = await self._dispatcher.feed_raw_update(self._bot, received.raw, connection=connection)
                await self._put(connection, [] if returned is UNHANDLED else returned, time.time())
        except UNAVAILABLE:
            raise
        except Exception as error:
            await self._failed(received, error)
        else:
            self._done()
            self._metrics.updates.labels("handled").inc()

    async def _failed(self, received: Received, error: Exception) -> None:
        log.exception("update_failed", update_id=received.update_id, attempts=received.attempts + 1)
        said = f"{type(error).__name__}: {reason(error)}"
        if received.attempts + 1 < MOST_ATTEMPTS:
            async with self._database.writing() as connection:
                await self._inbox.postpone(connection, received.update_id, time.time() + RETRY_SECONDS, said)
            return
        async with self._database.writing() as connection:
            await self._inbox.give_up(connection, received.update_id, said)
        self._metrics.updates.labels("dead").inc()
        await self._given_up(said)
