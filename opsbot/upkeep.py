"""What the active one does for the whole: ends what nobody answers, takes over from the dead, forgets what is old."""

import asyncio
import time

import structlog
from sqlalchemy.exc import SQLAlchemyError

from botkit.database import reason
from botkit.inbox import Inbox
from botkit.presence import Presence
from opsbot import metrics
from opsbot.desk import Desk
from opsbot.storage import decisions, messages, requests
from opsbot.storage.requests import Phase
from opsbot.views import asking, words

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
FORGET_SECONDS = 3600.0
KEPT_SECONDS = 90 * 86400.0


class Upkeep:
    def __init__(self, desk: Desk, inbox: Inbox, present: Presence) -> None:
        self._desk = desk
        self._inbox = inbox
        self._present = present

    async def run(self) -> None:
        """For ever."""
        forgot_at = 0.0
        while True:
            try:
                await self._take_over_messages()
                await self._expire()
                if time.time() - forgot_at > FORGET_SECONDS:
                    await self._forget_old()
                    forgot_at = time.time()
            except SQLAlchemyError as error:
                log.warning("database_failed", error=reason(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _take_over_messages(self) -> None:
        async with self._desk.database.writing() as connection:
            for owner in await messages.owners(connection):
                if not self._present.is_alive(owner):
                    await messages.take_back(connection, owner)
                    self._desk.signals.to_show.ring()

    async def _expire(self) -> None:
        now = time.time()
        async with self._desk.database.writing() as connection:
            for request in await requests.in_phases(connection, Phase.PROPOSED, Phase.ASKING):
                if now > request.expires_at:
                    await requests.change(connection, request, request.phase, phase=Phase.OVER)
                    over = words.expired if request.phase is Phase.PROPOSED else asking.unanswered
                    await self._desk.write(connection, request, over(request))
                    self._desk.signals.to_show.ring()
                    metrics.count(request, "expired")

    async def _forget_old(self) -> None:
        now = time.time()
        async with self._desk.database.writing() as connection:
            await self._inbox.forget_old(connection, now, now - KEPT_SECONDS)
            for kind in (requests, messages, decisions):
                await kind.forget_old(connection, now - KEPT_SECONDS)
