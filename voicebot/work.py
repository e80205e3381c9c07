"""The workers: each claims a recording, downloads it, has it heard piece by piece, and hands over what was heard."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from html import escape
from pathlib import Path
from typing import TypeVar

import structlog
from aiogram import Bot
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import audio, limits, metrics, views
from voicebot.catalogue import texts
from voicebot.files import NotDownloaded, Scratch, TooLarge, download
from voicebot.limits import Refusal
from voicebot.progress import Progress
from voicebot.settings import Settings
from voicebot.signals import Signals
from voicebot.storage import UNAVAILABLE, Database, heard, jobs, outbox, reason
from voicebot.storage.jobs import Job, State
from voicebot.transcript import Piece, Transcript
from voicebot.trouble import Trouble
from voicebot.whisper import Whisper

Result = TypeVar("Result")
log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 3
KILLER = "each process that tried it died"
SOON = 1.0
"""Seconds of audio that are as good as nothing."""
GONE_AFTER = 86400.0
"""Seconds for which a recording that cannot be downloaded is tried again."""


class NotOurs(Exception):
    """It was cancelled, or erased, while we were at it."""


class Workers:
    def __init__(
        self,
        settings: Settings,
        bot: Bot,
        database: Database,
        whisper: Whisper,
        progress: Progress,
        trouble: Trouble,
        signals: Signals,
        owner: int,
    ) -> None:
        self._settings = settings
        self._bot = bot
        self._database = database
        self._whisper = whisper
        self._progress = progress
        self._trouble = trouble
        self._signals = signals
        self._owner = owner
        self._scratch = Scratch(owner)
        self._is_draining = False
        self._stop = threading.Event()

    async def run(self, count: int) -> None:
        """Until `drain`."""
        with ThreadPoolExecutor(count, thread_name_prefix="whisper") as self._threads:
            async with asyncio.TaskGroup() as group:
                self._workers = [group.create_task(self._work()) for _ in range(count)]

    async def drain(self, seconds: float) -> None:
        """Begins nothing any more. What is not done in time is given back, with the pieces that are."""
        self._is_draining = True
        self._signals.to_do.ring()
        await asyncio.sleep(seconds)
        for worker in self._workers:
            worker.cancel()

    async def _work(self) -> None:
        while not self._is_draining:
            if job := await self._database.insist(self._claim):
                with metrics.running.track_inprogress():
                    await (self._do(job) if job.attempts < MOST_ATTEMPTS else self._give_up(job, KILLER))
            else:
                await self._signals.to_do.wait(1)

    async def _claim(self, connection: AsyncConnection) -> Job | None:
        return await jobs.claim(connection, self._owner, time.time())

    async def _do(self, job: Job) -> None:
        begun = time.time()
        metrics.wait.observe(begun - job.created_at)
        try:
            transcript = await self._known(job) or await self._heard(job)
            await self._finish(job, transcript)
        except NotOurs:
            await self._say_cancelled(job)
        except asyncio.CancelledError:
            if not self._is_draining:
                raise
            await self._give_back(job, at=time.time())
        except NotDownloaded as error:
            await self._postpone(job, error)
        except (audio.UnusableAudio, TooLarge) as error:
            await self._refuse(job, self._reason(error))
        except UNAVAILABLE as error:
            log.warning("database_failed", error=reason(error))
            await self._give_back(job, at=time.time() + 1)
        except Exception as error:
            await self._failed(job, error)
        else:
            metrics.work.observe(time.time() - begun)

    async def _known(self, job: Job) -> Transcript | None:
        async with self._database.reading() as connection:
            return await heard.transcript(connection, job.file_unique_id, job.variant)

    async def _heard(self, job: Job) -> Transcript:
        async with self._database.reading() as connection:
            pieces = await heard.saved_pieces(connection, job.id)  # by an earlier process, which stopped or died
        log.info("begun", job_id=job.id, attempt=job.attempts + 1, pieces=len(pieces))
        with self._scratch.folder() as folder:
            file = folder / "recording"
            await download(self._bot, job.file_id, file, largest=self._settings.max_megabytes * 1024 * 1024)
            await self._database.insist(partial(jobs.count_attempt, job=job, owner=self._owner))
            try:
                await self._hear_the_rest(job, file, pieces)
            finally:
                await self._progress.settle(job)
        segments = tuple(segment for piece in pieces for segment in piece.segments)
        return Transcript(duration=_end(pieces), language=_language(pieces), segments=segments)

    async def _hear_the_rest(self, job: Job, file: Path, pieces: list[Piece]) -> None:
        seconds = await self._in_thread(audio.duration, file) or job.seconds
        heard = self._whisper.transcribe(
            file,
            language=job.speech_language or _language(pieces),
            translate=job.translate,
            after=_end(pieces),
            max_seconds=self._settings.max_minutes * 60,
            stop=self._stop,
        )
        with closing(metrics.count_hearing(heard)) as rest:
            self._show(job, pieces, seconds)
            while piece := await self._in_thread(next, rest, None):
                await self._save(job, piece, len(pieces))
                pieces.append(piece)
                if piece.end < seconds - SOON:  # else the whole follows at once
                    self._show(job, pieces, seconds)

    async def _save(self, job: Job, piece: Piece, number: int) -> None:
        saving = partial(jobs.save_piece, job=job, owner=self._owner, number=number, piece=piece)
        if not await self._database.insist(saving):
            raise NotOurs

    def _show(self, job: Job, pieces: list[Piece], seconds: float) -> None:
        segments = [segment for piece in pieces for segment in piece.segments]
        done = _end(pieces) / seconds if seconds else 0.0
        self._progress.show(job, views.growing(job, texts(job.ui_language), segments, done))

    async def _in_thread(self, function: Callable[..., Result], *arguments: object) -> Result:
        running = asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self._stop.set()
            await asyncio.gather(running, return_exceptions=True)  # what a thread is at cannot be closed
            raise

    async def _finish(self, job: Job, transcript: Transcript) -> None:
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

    async def _say_cancelled(self, job: Job) -> None:
        """Once more: a text that still grew may have come after the first time."""

        async def say(connection: AsyncConnection) -> None:
            found = await jobs.get(connection, job.id)
            if not found or found.state is not State.CANCELLED:
                return  # erased; or taken over, or done without our hearing of it
            said = views.instead_of_placeholder(job, texts(job.ui_language)("cancelled"))
            await outbox.put(connection, [said], time.time())

        await self._database.insist(say)
        self._signals.to_send.ring()

    async def _refuse(self, job: Job, reason: Refusal) -> None:
        async def refuse(connection: AsyncConnection) -> None:
            if await jobs.refuse(connection, job, self._owner, time.time()):
                said = views.instead_of_placeholder(job, texts(job.ui_language)(reason.key, **reason.values))
                await outbox.put(connection, [said], time.time())

        await self._database.insist(refuse)
        self._signals.to_send.ring()
        metrics.jobs.labels("refused").inc()

    def _reason(self, error: audio.UnusableAudio | TooLarge) -> Refusal:
        match error:
            case TooLarge():
                return limits.too_large(self._settings)
            case audio.TooLong():
                return limits.too_long(self._settings)
            case audio.NoAudio():
                return Refusal(key="no_audio")
            case _:
                return Refusal(key="not_readable")

    async def _postpone(self, job: Job, error: NotDownloaded) -> None:
        """For a tenth of the time that it has waited for already."""
        age = time.time() - job.created_at
        log.warning("not_downloaded", job_id=job.id, error=str(error))
        if age > GONE_AFTER:
            await self._refuse(job, Refusal(key="gone"))
            return
        await self._give_back(job, at=time.time() + min(300.0, max(1.0, age / 10)))

    async def _give_back(self, job: Job, *, at: float, error: str | None = None) -> None:
        await self._database.insist(partial(jobs.give_back, job=job, owner=self._owner, at=at, error=error))

    async def _failed(self, job: Job, error: Exception) -> None:
        log.exception("attempt_failed", job_id=job.id, attempt=job.attempts + 1)
        said = f"{type(error).__name__}: {error}"
        if job.attempts + 1 < MOST_ATTEMPTS:
            await self._give_back(job, at=time.time() + 20.0 * 4**job.attempts, error=said)
        else:
            await self._give_up(job, said)

    async def _give_up(self, job: Job, said: str) -> None:
        async def fail(connection: AsyncConnection) -> None:
            if await jobs.fail(connection, job, self._owner, said, time.time()):
                said_to_user = views.instead_of_placeholder(job, texts(job.ui_language)("failed"))
                await outbox.put(connection, [said_to_user], time.time())

        await self._database.insist(fail)
        metrics.jobs.labels("failed").inc()
        await self._trouble.tell("job_failed", id=job.id, error=escape(said))
        self._signals.to_send.ring()


def _end(pieces: list[Piece]) -> float:
    return pieces[-1].end if pieces else 0.0


def _language(pieces: list[Piece]) -> str:
    return next((piece.language for piece in pieces if piece.language), "")
