"""Takes up what was asked for: looks side by side, and what changes something one at a time in each environment."""

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

import shipper
from botkit.database import reason
from opsbot import acts, looks, proposals, turns
from opsbot.desk import Desk
from opsbot.storage import requests
from opsbot.storage.requests import UNDER_WAY, Phase, Request
from opsbot.verbs import Verb
from opsbot.views import words

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0


class Work:
    """`group` owns what was begun, which goes on when `run` is cancelled."""

    def __init__(self, desk: Desk, group: asyncio.TaskGroup) -> None:
        self._desk = desk
        self._group = group
        self._at_it: dict[int, asyncio.Task[None]] = {}
        self._aborted: dict[int, str] = {}
        """Who aborted what we are at."""
        self._told_places: dict[int, tuple[int, int]] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self._begin()
            except SQLAlchemyError as error:
                log.warning("database_failed", error=reason(error))
            await self._desk.signals.to_do.wait(LOOK_SECONDS)

    async def drain(self, seconds: float) -> None:
        """What acts is aborted, and takes back what it began; what only looks is left to whoever comes next."""
        if not self._desk.signals.is_leaving:
            for task in self._at_it.values():
                task.cancel()
        if self._at_it:
            await asyncio.wait(self._at_it.values(), timeout=seconds)

    async def _begin(self) -> None:
        async with self._desk.database.writing() as connection:
            found = await requests.in_phases(connection, *UNDER_WAY)
            begun = [await self._claim(connection, request) for request in turns.startable(found)]
            await self._tell_places(connection, found)
        for request in found:
            if request.abort_by and (task := self._at_it.get(request.id)) and not task.cancelling():
                task.cancel()
                self._aborted[request.id] = request.abort_by
        for request in filter(None, begun):
            self._at_it[request.id] = self._group.create_task(self._carry_out(request))

    async def _claim(self, connection: AsyncConnection, request: Request) -> Request | None:
        next_phase = Phase.ACTING if request.phase is Phase.QUEUED else Phase.LOOKING
        return await requests.change(connection, request, request.phase, phase=next_phase, owner=self._desk.owner)

    async def _tell_places(self, connection: AsyncConnection, found: list[Request]) -> None:
        places = {queued.request.id: queued for queued in turns.queued(found)}
        for number, queued in places.items():
            place = (queued.place, queued.behind.id)
            if self._told_places.get(number) != place:
                await self._desk.write(connection, queued.request, words.queued(queued))
                self._desk.signals.to_show.ring()
        self._told_places = {number: (queued.place, queued.behind.id) for number, queued in places.items()}

    async def _carry_out(self, request: Request) -> None:
        try:
            await self._do(request)
        except shipper.ShipperError as error:
            await self._desk.end(request, words.failed(request, error))
        except asyncio.CancelledError:
            if not (by := self._aborted.get(request.id)):
                raise  # we are to end: whoever comes next goes on
            await self._desk.end(request, words.aborted(request, by))
        except Exception:
            log.exception("request_failed", request=request.id, verb=request.verb)
            await self._desk.end(request, words.bug(request))
        finally:
            del self._at_it[request.id]
            self._desk.signals.to_do.ring()

    async def _do(self, request: Request) -> None:
        if request.phase is Phase.ACTING:
            await acts.act(self._desk, request)
        elif request.verb in (*turns.PLANNED, Verb.PLAN):
            await proposals.propose(self._desk, request)
        else:
            await self._desk.end(request, await looks.LOOKS[request.verb](self._desk, request))
