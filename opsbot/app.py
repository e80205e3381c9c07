"""The story of a process: open what it needs → stand by → poll and work → stop polling, finish → end."""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack, closing

import structlog
from aiogram import Bot

import shipper
from botkit import presence
from botkit.database import Database, parse
from botkit.dispatch import Dispatch
from botkit.inbox import Inbox
from botkit.intake import Intake
from botkit.metrics import serve
from botkit.pace import Pace
from botkit.presence import Presence
from botkit.telegram import announce_commands, ask_who_we_are, connect
from opsbot import metrics
from opsbot.config import Config
from opsbot.desk import Desk
from opsbot.github import GitHub
from opsbot.handlers import ALLOWED_UPDATES, dispatcher
from opsbot.keys import Keys
from opsbot.menu import menus
from opsbot.projects import Projects
from opsbot.screen import Screen
from opsbot.settings import Settings
from opsbot.signals import Signals
from opsbot.storage import tables
from opsbot.storage.schema import MIGRATIONS
from opsbot.toasts import Toasts
from opsbot.upkeep import Upkeep
from opsbot.watch import Watch
from opsbot.work import Work
from shipper.handover import FileLease, Handover

log = structlog.get_logger(__name__)

KEPT_SECONDS = 86400.0
"""How long a login that nobody uses is kept: at 3 a.m. the first plan shall not wait for another one."""


async def run(settings: Settings, config: Config, environ: Mapping[str, str]) -> None:
    """Until it is told to stop.

    Raises TokenRefused, ShipperError, NotMigrated, LeaseError, OSError.
    """
    url = parse(settings.database_url.get_secret_value())
    if settings.metrics_port:
        serve(settings.metrics_port)
    await asyncio.to_thread(MIGRATIONS.migrate, url, lambda said: log.info("schema", said=said))
    with closing(presence.of(url, lease=0)) as present:
        lease = FileLease(settings.shipper_lease) if settings.shipper_lease else present.lease
        async with Handover(lease=lease) as handover, AsyncExitStack() as stack:
            metrics.process.tell(handover, release=settings.shipper_release, version=settings.shipper_version)
            database = Database(url)
            stack.push_async_callback(database.close)
            bot = await stack.enter_async_context(connect(settings.bot_token, settings.telegram_api, metrics.telegram))
            connections = await stack.enter_async_context(shipper.Connections(idle=KEPT_SECONDS))
            signals = Signals()
            projects = Projects(settings, config, environ, connections, _inside(handover, signals))
            desk = Desk(
                config=config,
                database=database,
                projects=projects,
                github=await stack.enter_async_context(github) if (github := _github(settings, config)) else None,
                keys=Keys(shipper.Secret(settings.bot_token.get_secret_value()), projects.full_names()),
                signals=signals,
                owner=present.owner,
            )
            me = await ask_who_we_are(bot)
            log.info("standby", username=me.username, environments=[*config.environments])
            await _serve(handover, settings, desk, bot, present)
    log.info("ended")


def _inside(handover: Handover, signals: Signals) -> shipper.Inside:
    """A container is called like its id: https://docs.docker.com/reference/cli/docker/container/run/"""

    def leave() -> None:
        signals.is_leaving = True
        handover.leave()

    return shipper.Inside(
        container_id=socket.gethostname(),
        give_way=handover.give_way,
        take_back=handover.take_back,
        leave=leave,
    )


def _github(settings: Settings, config: Config) -> GitHub | None:
    return GitHub(config.github.repository, settings.github_token, config.github.api) if config.github else None


async def _serve(handover: Handover, settings: Settings, desk: Desk, bot: Bot, present: Presence) -> None:
    inbox, toasts = Inbox(tables.inbox), Toasts(bot)
    screen = Screen(bot, desk.database, Pace(), desk.signals.to_show, desk.owner)
    intake = Intake(
        bot,
        desk.database,
        inbox,
        allowed_updates=ALLOWED_UPDATES,
        arrived=desk.signals.arrived,
        tell_stranger=_tell_stranger,
        metrics=metrics.telegram,
    )

    def committed() -> None:
        toasts.committed()
        desk.signals.handled()

    dispatch = Dispatch(
        bot,
        desk.database,
        inbox,
        dispatcher(desk),
        put=toasts.put,
        done=committed,
        given_up=_tell_given_up,
        arrived=desk.signals.arrived,
        metrics=metrics.telegram,
    )
    async with asyncio.TaskGroup() as group:
        work = Work(desk, present, group)
        showing: asyncio.Task[None] | None = None
        while await handover.wanted():
            async with handover.active():
                log.info("active")
                showing = showing or group.create_task(screen.run())
                # its end comes before the next one's begin: that does the same
                async with asyncio.TaskGroup() as leading:
                    tasks = [
                        leading.create_task(dispatch.run()),
                        leading.create_task(work.run()),
                        leading.create_task(toasts.run()),
                        leading.create_task(announce_commands(bot, menus(desk.config))),
                        leading.create_task(Upkeep(desk, inbox, present).run()),
                    ]
                    if desk.config.watch:
                        tasks.append(leading.create_task(Watch(desk, desk.config.watch).run()))
                    await intake.run(handover)
                    for task in tasks:
                        task.cancel()
            # Only now: what acts needs no lease, since the servers' locks guard it, and to take it back may last longer
            # than the next one is to wait. Meanwhile that one leaves the environment alone, for we live.
            log.info("draining")
        await work.drain(settings.drain_seconds)
        screen.drain()


async def _tell_stranger() -> None:
    log.error("stranger_polls", hint="another program polls with BOT_TOKEN: end it, or take a new token")


async def _tell_given_up(error: str) -> None:
    log.error("update_given_up", error=error)
