"""What becomes of a recording, each time in one transaction with what is said of it."""

import time
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.database import Database, reason
from voicebot import audio, limits, metrics, views
from voicebot.catalogue import texts
from voicebot.files import NotDownloaded, TooLarge
from voicebot.limits import Refusal
from voicebot.settings import Settings
from voicebot.signals import Signals
from voicebot.storage import jobs, outbox
from voicebot.storage.jobs import Job, State
from voicebot.transcript import Transcript
from voicebot.trouble import Trouble

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 3
GONE_AFTER = 86400.0
"""Seconds for which a recording that cannot be downloaded is tried again."""


class NotOurs(Exception):
    """It was cancelled, or erased, while we were at it."""


class Outcomes:
    def __init__(self, settings: Settings, database: Database, trouble: Trouble, signals: Signals, owner: int) -> None:
        self._settings = settings
        self._database = database
        self._trouble = trouble
        self._signals = signals
        self._owner = owner

    async def done(self, job: Job, transcript: Transcript) -> None:
        """Raises NotOurs."""

        async def finish(connection: AsyncConnection) -> bool:
            now = time.time()
            is_ours = await jobs.finish(connection, job, self._owner, transcript, now)
            if is_ours:
                await outbox.put(connection, views.result(job, texts(job.ui_language), transcript), now)
            return is_ours

        if not await self._database.insist(finish):
            raise NotOurs
        self._signals.to_send.ring()
        metrics.jobs.labels("done").inc()

    async def not_ours(self, job: Job) -> None:
        """Says once more that it was cancelled: a text that still grew may have come after the first time."""

        async def say(connection: AsyncConnection) -> None:
            found = await jobs.get(connection, job.id)
            if not found or found.state is not State.CANCELLED:
                return  # erased; or taken over, or done without our hearing of it
            await outbox.put(connection, [self._instead(found, "cancelled")], time.time())

        await self._database.insist(say)
        self._signals.to_send.ring()

    async def unusable(self, job: Job, error: audio.UnusableAudio | TooLarge) -> None:
        match error:
            case TooLarge():
                refusal = limits.too_large(self._settings)
            case audio.TooLong():
                refusal = limits.too_long(self._settings)
            case audio.NoAudio():
                refusal = Refusal(key="no_audio")
            case _:
                refusal = Refusal(key="not_readable")
        await self._refuse(job, refusal)

    async def not_downloaded(self, job: Job, error: NotDownloaded) -> None:
        """Waits for a tenth of the time that it has waited for already."""
        age = time.time() - job.created_at
        log.warning("not_downloaded", job_id=job.id, error=str(error))
        if age > GONE_AFTER:
            await self._refuse(job, Refusal(key="gone"))
        else:
            await self.give_back(job, after=min(300.0, max(1.0, age / 10)))

    async def failed(self, job: Job, error: Exception) -> None:
        log.exception("attempt_failed", job_id=job.id, attempt=job.attempts + 1)
        said = f"{type(error).__name__}: {reason(error)}"
        if job.attempts + 1 < MOST_ATTEMPTS:
            await self.give_back(job, after=20.0 * 4**job.attempts, error=said)
        else:
            await self.failed_for_good(job, said)

    async def failed_for_good(self, job: Job, said: str) -> None:
        async def fail(connection: AsyncConnection) -> None:
            if await jobs.fail(connection, job, self._owner, said, time.time()):
                await outbox.put(connection, [self._instead(job, "failed")], time.time())

        await self._database.insist(fail)
        metrics.jobs.labels("failed").inc()
        await self._trouble.tell("job_failed", id=job.id, error=said)
        self._signals.to_send.ring()

    async def give_back(self, job: Job, *, after: float = 0.0, error: str | None = None) -> None:
        """For another try, by whoever comes first then."""
        at = time.time() + after
        await self._database.insist(partial(jobs.give_back, job=job, owner=self._owner, at=at, error=error))

    async def _refuse(self, job: Job, refusal: Refusal) -> None:
        async def refuse(connection: AsyncConnection) -> None:
            if await jobs.refuse(connection, job, self._owner, time.time()):
                said = self._instead(job, refusal.key, **refusal.values)
                await outbox.put(connection, [said], time.time())

        await self._database.insist(refuse)
        self._signals.to_send.ring()
        metrics.jobs.labels("refused").inc()

    def _instead(self, job: Job, key: str, **values: str) -> outbox.Outgoing:
        return views.instead_of_placeholder(job, texts(job.ui_language)(key, **values))
