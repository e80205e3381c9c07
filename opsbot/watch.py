"""Looks at what serves, again and again, and tells people what is wrong with it.

A look takes no lock, so it disturbs no deploy. What was told stands in the database: whoever is active next goes on.
"""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

import shipper
from botkit.database import reason
from opsbot import alerts, config, metrics, watching
from opsbot.alerts import Changes, Incident
from opsbot.desk import Desk
from opsbot.storage import alerts as stored
from opsbot.storage.alerts import Known
from opsbot.storage.messages import Place
from opsbot.views import watch as views
from opsbot.views.pages import Page
from opsbot.watching import Look, Memory

log = structlog.get_logger(__name__)

PATIENCE = 20.0
"""Seconds in which a host has to answer: what the others tell does not wait longer."""


async def look_at(project: shipper.Project) -> list[shipper.HostStatus]:
    """At each host that is meant, with the problem of one that cannot be looked at."""
    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(_look_at_host(project, name)) for name in project.hosts]
    return [look.result() for look in looks]


async def _look_at_host(project: shipper.Project, host_name: str) -> shipper.HostStatus:
    try:
        async with asyncio.timeout(PATIENCE):
            (seen,) = await shipper.status(replace(project, host_names=(host_name,)))
            return seen
    except shipper.ShipperError as error:
        problem, next, exit_code = error.what, error.next, error.exit_code
    except TimeoutError:
        problem, next, exit_code = f"no answer within {PATIENCE:.0f} s", "", shipper.ConnectError.exit_code
    now = datetime.now(UTC)
    return shipper.HostStatus(host_name=host_name, at=now, problem=problem, next=next, exit_code=exit_code)


class Watch:
    def __init__(self, desk: Desk, meant: config.Watch) -> None:
        self._desk = desk
        self._meant = meant

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            for environment in self._desk.config.environments:
                group.create_task(self._watch(environment))

    async def _watch(self, environment: str) -> None:
        """A look begins when the one before is over, however long that took."""
        memory = Memory()
        while True:
            begun = time.monotonic()
            try:
                memory = await self._look(environment, memory)
                metrics.looked.labels(environment).set_to_current_time()
            except shipper.ShipperError as error:
                log.error("not_looked", environment=environment, error=error.what)
            except SQLAlchemyError as error:
                log.warning("database_failed", error=reason(error))
            except Exception:
                log.exception("look_failed", environment=environment)
            took = time.monotonic() - begun
            metrics.look_seconds.labels(environment).set(took)
            await asyncio.sleep(max(0.0, self._meant.every - took))

    async def _look(self, environment: str, memory: Memory) -> Memory:
        """Raises ShipperError if the config of the environment is of no use."""
        project = await self._desk.projects.base(environment)
        hosts = await look_at(project)
        now = datetime.now(UTC)
        seen = watching.look(environment, hosts, memory, disk=self._meant.disk, now=now)
        async with self._desk.database.writing() as connection:
            known = await self._tell(connection, environment, seen, now)
        self._desk.signals.to_show.ring()
        metrics.alerts.labels(environment).set(sum(alert.is_open for alert in known.alerts))
        return seen.memory

    async def _tell(self, connection: AsyncConnection, environment: str, seen: Look, now: datetime) -> Known:
        """What is known then."""
        before = await stored.known(connection, environment)
        changes = alerts.step(before.alerts, seen, now)
        sent = {incident.id: await self._send(connection, incident, now) for incident in changes.new}
        for incident, page in _edits(before, changes, now):
            await self._desk.rewrite(connection, before.messages[incident.id], page, environment)
        after = Known(alerts=changes.known, messages={**before.messages, **sent})
        if before.alerts or after.alerts:
            await stored.keep(connection, environment, after)
        return after

    async def _send(self, connection: AsyncConnection, incident: Incident, now: datetime) -> int:
        """Its buttons name the row of the message, so that comes first: people see only what it shows in the end."""
        place = Place(chat_id=self._meant.chat, thread_id=self._meant.topic)
        message = await self._desk.send(connection, place, Page(text=""), incident.environment)
        page = views.told(incident, message, now)
        await self._desk.rewrite(connection, message, page, incident.environment)
        log.info("alert", environment=incident.environment, about=views.named(incident.alerts))
        return message


def _edits(before: Known, changes: Changes, now: datetime) -> list[tuple[Incident, Page]]:
    shown = [*changes.updated, *changes.ended]
    return [
        *((incident, views.told(incident, before.messages[incident.id], now)) for incident in shown),
        *((incident, views.replaced(incident)) for incident in changes.replaced),
    ]
