"""The story of a process: load → stand by → poll and work → stop polling, finish → end."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack, closing, suppress
from typing import TypeVar

import structlog
from aiogram import Bot, Dispatcher
from aiogram.types import User

from botkit import presence
from botkit.database import Database, file_of, parse
from botkit.dispatch import Dispatch
from botkit.intake import Intake
from botkit.metrics import serve
from botkit.pace import Pace
from botkit.presence import Presence
from botkit.telegram import announce_commands, ask_who_we_are, connect
from shipper.handover import FileLease, Handover
from voicebot import metrics
from voicebot.files import Scratch
from voicebot.handlers import ALLOWED_UPDATES, dispatcher
from voicebot.menu import menus
from voicebot.outbox import Outbox
from voicebot.outcomes import Outcomes
from voicebot.progress import Progress
from voicebot.settings import Settings, WhisperSettings
from voicebot.signals import Signals
from voicebot.storage import locks, outbox as stored
from voicebot.storage.inbox import INBOX
from voicebot.storage.schema import MIGRATIONS
from voicebot.trouble import Trouble
from voicebot.upkeep import Upkeep
from voicebot.whisper import Whisper
from voicebot.work import Workers

Result = TypeVar("Result")
log = structlog.get_logger(__name__)

GRACE_SECONDS = 5.0
"""After the time for draining, for what then is still under way."""


async def run(settings: Settings, whisper_settings: WhisperSettings) -> None:
    """Until it is told to stop.

    Raises TokenRefused, ModelError, DatabaseUrlError, NotMigrated, LeaseError, PresenceLost, OSError.
    """
    url = parse(settings.database_url.get_secret_value())
    if settings.metrics_port:
        serve(settings.metrics_port)
    await asyncio.to_thread(MIGRATIONS.migrate, url, lambda said: log.info("schema", said=said))
    with closing(presence.of(url, locks.LEASE)) as present:
        given = settings.shipper_lease if file_of(url) else ""
        lease = FileLease(given) if given else present.lease
        async with Handover(lease=lease) as handover, AsyncExitStack() as stack:
            metrics.process.tell(handover, release=settings.shipper_release, version=settings.shipper_version)
            database = Database(url)
            stack.push_async_callback(database.close)
            bot = await stack.enter_async_context(connect(settings.bot_token, settings.telegram_api, metrics.telegram))
            whisper = await _in_daemon_thread(lambda: Whisper(whisper_settings))
            me = await ask_who_we_are(bot)
            Scratch.remove_leftovers(bot.id, present.is_alive)
            log.info("standby", username=me.username, model=whisper_settings.model)
            await _serve(handover, settings, whisper_settings, bot, me, database, whisper, present)
    log.info("ended")


async def _serve(
    handover: Handover,
    settings: Settings,
    whisper_settings: WhisperSettings,
    bot: Bot,
    me: User,
    database: Database,
    whisper: Whisper,
    present: Presence,
) -> None:
    signals, pace, trouble = Signals(), Pace(), Trouble(settings, database)
    routes = dispatcher(settings, model=whisper_settings.model, username=me.username or "")
    async with asyncio.TaskGroup() as group:
        progress = Progress(bot, database, pace, group)
        outbox = Outbox(bot, database, pace, signals, present.owner)
        outcomes = Outcomes(settings, database, trouble, signals, present.owner)
        workers = Workers(settings, bot, database, whisper, progress, outcomes, signals, present.owner)
        async with handover.active():
            log.info("active")
            sending = group.create_task(outbox.run())
            working = group.create_task(workers.run(whisper_settings.worker_count))
            async with asyncio.TaskGroup() as leading:  # its end comes before the next one's begin: that does the same
                tasks = [
                    leading.create_task(_dispatch(bot, database, routes, trouble, signals).run()),
                    leading.create_task(Upkeep(settings, database, present, signals).run()),
                    leading.create_task(Progress(bot, database, pace, leading).tell_places()),
                    leading.create_task(announce_commands(bot, menus(settings.owner_id))),
                ]
                await _intake(bot, database, trouble, signals).run(handover)
                for task in tasks:
                    task.cancel()
        log.info("draining")
        await _drain(workers, working, outbox, sending, settings.drain_seconds)


def _intake(bot: Bot, database: Database, trouble: Trouble, signals: Signals) -> Intake:
    return Intake(
        bot,
        database,
        INBOX,
        allowed_updates=ALLOWED_UPDATES,
        arrived=signals.arrived,
        tell_stranger=lambda: trouble.tell("stranger_polls"),
        metrics=metrics.telegram,
    )


def _dispatch(bot: Bot, database: Database, routes: Dispatcher, trouble: Trouble, signals: Signals) -> Dispatch:
    return Dispatch(
        bot,
        database,
        INBOX,
        routes,
        put=stored.put,
        done=signals.handled,
        given_up=lambda error: trouble.tell("update_failed", error=error),
        arrived=signals.arrived,
        metrics=metrics.telegram,
    )


async def _drain(
    workers: Workers, working: asyncio.Task[None], outbox: Outbox, sending: asyncio.Task[None], seconds: float
) -> None:
    """What is not given back in time, since the database does not take it, is taken from us as from the dead."""
    deadline = asyncio.get_running_loop().time() + seconds + GRACE_SECONDS
    async with asyncio.TaskGroup() as group:
        limit = group.create_task(workers.drain(seconds))
        await _ends(working, deadline)
        limit.cancel()
    outbox.drain()
    await _ends(sending, deadline)


async def _ends(task: asyncio.Task[None], deadline: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            await task


async def _in_daemon_thread(load: Callable[[], Result]) -> Result:
    """To download a model takes minutes: who is told to stop meanwhile ends, and would wait for a thread of a pool."""
    loading: Future[Result] = Future()
    loading.set_running_or_notify_cancel()

    def run() -> None:
        try:
            loading.set_result(load())
        except BaseException as error:
            loading.set_exception(error)

    threading.Thread(target=run, name="model", daemon=True).start()
    return await asyncio.wrap_future(loading)
