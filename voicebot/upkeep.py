"""What the active one does for the whole: takes over what dead processes had begun, and forgets what is old."""

import asyncio
import math
import time

import structlog
from sqlalchemy.exc import SQLAlchemyError

from botkit.database import Database, reason
from botkit.presence import Presence
from voicebot.settings import Settings
from voicebot.signals import Signals
from voicebot.storage import heard, jobs, outbox, queue
from voicebot.storage.inbox import INBOX

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
FORGET_SECONDS = 3600.0


class Upkeep:
    def __init__(self, settings: Settings, database: Database, presence: Presence, signals: Signals) -> None:
        self._settings = settings
        self._database = database
        self._presence = presence
        self._signals = signals
        self._forgot_at = -math.inf

    async def run(self) -> None:
        """For ever. Raises PresenceLost."""
        while True:
            await asyncio.to_thread(self._presence.verify)
            try:
                await self.take_over()
                await self.forget()
            except SQLAlchemyError as error:
                log.warning("database_failed", error=reason(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def take_over(self) -> None:
        async with self._database.reading() as connection:
            owners = await queue.owners(connection) | await outbox.owners(connection)
        dead = await asyncio.to_thread(lambda: {owner for owner in owners if not self._presence.is_alive(owner)})
        if not dead:
            return
        async with self._database.writing() as connection:
            await queue.take_from(connection, dead)
            await outbox.take_from(connection, dead)
        log.info("took_over", processes=len(dead))
        self._signals.to_do.ring()
        self._signals.to_send.ring()

    async def forget(self) -> None:
        """At most once an hour."""
        if time.monotonic() - self._forgot_at < FORGET_SECONDS:
            return
        self._forgot_at = time.monotonic()
        now = time.time()
        before = now - self._settings.keep_days * 86400
        async with self._database.writing() as connection:
            await INBOX.forget_old(connection, now, before)
            await jobs.forget_old(connection, before)
            await heard.forget_old(connection, before)
