"""The story of a process: load → stand by → poll and work → stop polling, finish → end."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack, closing, suppress
from typing import TypeVar

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramNotFound, TelegramUnauthorizedError
from aiogram.types import User

from shipper.handover import FileLease, Handover
from voicebot import metrics, presence, storage
from voicebot.dispatch import Dispatch
from voicebot.files import Scratch
from voicebot.handlers import dispatcher
from voicebot.intake import Intake
from voicebot.menu import menus
from voicebot.outbox import Outbox
from voicebot.outcomes import Outcomes
from voicebot.pace import Pace
from voicebot.presence import Presence, PresenceLost as PresenceLost
from voicebot.progress import Progress
from voicebot.settings import Settings, WhisperSettings
from voicebot.signals import Signals
from voicebot.storage import Database, schema
from voicebot.telegram import connect
from voicebot.trouble import Trouble
from voicebot.upkeep import Upkeep
from voicebot.whisper import ModelError as ModelError, Whisper
from voicebot.work import Workers

Result = TypeVar("Result")
log = structlog.get_logger(__name__)

GRACE_SECONDS = 5.0
"""After the time for draining, for what then is still under way."""


class TokenRefused(Exception):
    """Telegram does not know the token."""


async def run(settings: Settings, whisper_settings: WhisperSettings) -> None:
    """Until it is told to stop.

    Raises TokenRefused, ModelError, DatabaseUrlError, NotMigrated, LeaseError, PresenceLost, OSError.
    """
    url = storage.parse(settings.database_url.get_secret_value())
    if settings.metrics_port:
        metrics.serve(settings.metrics_port)
    await asyncio.to_thread(schema.migrate, url, lambda said: log.info("schema", said=said))
    with closing(presence.of(url)) as present:
        given = settings.shipper_lease if storage.file_of(url) else ""
        lease = FileLease(given) if given else present.lease
        async with Handover(lease=lease) as handover, AsyncExitStack() as stack:
            database = Database(url)
            stack.push_async_callback(database.close)
            bot = await stack.enter_async_context(connect(settings))
            whisper = await _in_daemon_thread(lambda: Whisper(whisper_settings))
            me = await _ask_who_we_are(bot)
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
                    leading.create_task(Dispatch(bot, database, routes, trouble, signals).run()),
                    leading.create_task(Upkeep(settings, database, present, signals).run()),
                    leading.create_task(Progress(bot, database, pace, leading).tell_places()),
                    leading.create_task(_announce_commands(bot, settings.owner_id)),
                ]
                await Intake(bot, database, trouble, signals).run(handover)
                for task in tasks:
                    task.cancel()
        log.info("draining")
        await _drain(workers, working, outbox, sending, settings.drain_seconds)


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


async def _ask_who_we_are(bot: Bot) -> User:
    """Waits for Telegram if need be: a server that starts without a network finds it later."""
    while True:
        try:
            return await bot.me()  # which remembers it, for commands that name us
        except (TelegramUnauthorizedError, TelegramNotFound):
            raise TokenRefused("Telegram does not know BOT_TOKEN: take a new one from @BotFather") from None
        except AiogramError as error:
            log.warning("telegram_not_reached", error=str(error))
            await asyncio.sleep(2)


async def _announce_commands(bot: Bot, owner_id: int | None) -> None:
    """Telegram keeps them: what it refuses now is told by the next start."""
    for menu in menus(owner_id):
        with suppress(AiogramError):
            await bot(menu)
