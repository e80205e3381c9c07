"""The workers: each claims a recording, downloads it, has it heard piece by piece, and hands over what was heard."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog
from aiogram import Bot
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.database import UNAVAILABLE, Database, reason
from voicebot import audio, metrics, views
from voicebot.catalogue import texts
from voicebot.files import NotDownloaded, Scratch, TooLarge, download
from voicebot.outcomes import MOST_ATTEMPTS, NotOurs, Outcomes
from voicebot.progress import Progress
from voicebot.settings import Settings
from voicebot.signals import Signals
from voicebot.storage import heard, jobs, queue
from voicebot.storage.jobs import Job
from voicebot.transcript import Piece, Transcript
from voicebot.whisper import Whisper

Result = TypeVar("Result")
log = structlog.get_logger(__name__)

KILLER = "each process that tried it died"
SOON = 1.0
"""Seconds of audio that are as good as nothing."""


class Workers:
    def __init__(
        self,
        settings: Settings,
        bot: Bot,
        database: Database,
        whisper: Whisper,
        progress: Progress,
        outcomes: Outcomes,
        signals: Signals,
        owner: int,
    ) -> None:
        self._settings = settings
        self._bot = bot
        self._database = database
        self._whisper = whisper
        self._progress = progress
        self._outcomes = outcomes
        self._signals = signals
        self._owner = owner
        self._scratch = Scratch(bot.id, owner)
        self._at_work: set[int] = set()
        """Jobs that one of our workers is at."""
        self._claiming = asyncio.Lock()
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
            if job := await self._claim():
                with metrics.running.track_inprogress():
                    await self._do(job)
                self._at_work.discard(job.id)
            else:
                await self._signals.to_do.wait(1)

    async def _claim(self) -> Job | None:
        async def claim(connection: AsyncConnection) -> Job | None:
            await queue.take_back(connection, self._owner, self._at_work)
            return await queue.claim(connection, self._owner, time.time())

        async with self._claiming:  # what another of us has just claimed is not yet among what we are at
            if job := await self._database.insist(claim):
                self._at_work.add(job.id)
            return job

    async def _do(self, job: Job) -> None:
        if job.attempts >= MOST_ATTEMPTS:
            await self._outcomes.failed_for_good(job, KILLER)
            return
        begun = time.time()
        metrics.wait.observe(begun - job.created_at)
        try:
            transcript = await self._known(job) or await self._heard(job)
            await self._outcomes.done(job, transcript)
        except NotOurs:
            await self._outcomes.not_ours(job)
        except asyncio.CancelledError:
            if not self._is_draining:
                raise
            await self._outcomes.give_back(job)
        except NotDownloaded as error:
            await self._outcomes.not_downloaded(job, error)
        except (audio.UnusableAudio, TooLarge) as error:
            await self._outcomes.unusable(job, error)
        except UNAVAILABLE as error:
            log.warning("database_failed", error=reason(error))
            await self._outcomes.give_back(job, after=1)
        except Exception as error:
            await self._outcomes.failed(job, error)
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


def _end(pieces: list[Piece]) -> float:
    return pieces[-1].end if pieces else 0.0


def _language(pieces: list[Piece]) -> str:
    return next((piece.language for piece in pieces if piece.language), "")
