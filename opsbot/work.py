"""Takes up what was asked for: looks side by side, and what changes something one at a time in each environment."""

import asyncio
import time
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

import shipper
from botkit.database import reason
from botkit.presence import Presence
from opsbot import access, acts, looks, metrics, proposals, questions, recovery, turns
from opsbot.command import Refused, completed, missing_of
from opsbot.desk import Desk
from opsbot.storage import requests
from opsbot.storage.requests import UNDER_WAY, Phase, Request
from opsbot.verbs import Verb
from opsbot.views import words

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0


class Work:
    """`group` owns what was begun, which goes on when `run` is cancelled."""

    def __init__(self, desk: Desk, present: Presence, group: asyncio.TaskGroup) -> None:
        self._desk = desk
        self._present = present
        self._group = group
        self._at_it: dict[int, asyncio.Task[None]] = {}
        self._cancelled: dict[int, str] = {}
        """Who aborted what we are at; nobody, if it is because we are to end."""
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
        """What acts is aborted, and takes back what it began; what only looks is left to whoever comes next.

        At once, though it might have ended well in time: whoever stops us kills us soon, and what is killed is left in
        the middle. Not so where a deploy of ours has replaced us: nobody kills us then, so all comes to its end.
        """
        if not self._desk.signals.is_leaving:
            for number in self._at_it:
                self._cancel(number)
        if self._at_it:
            await asyncio.wait(self._at_it.values(), timeout=seconds)

    async def _begin(self) -> None:
        async with self._desk.database.writing() as connection:
            await recovery.take_over(connection, self._is_somebody_at)
            found = await requests.in_phases(connection, *UNDER_WAY)
            startable = [request for request in turns.startable(found) if request.id not in self._at_it]
            begun = [await self._claim(connection, request) for request in startable]
            await self._tell_places(connection, found)
        metrics.tell_under_way(found)
        for request in found:
            if request.abort_by and request.phase in (Phase.LOOKING, Phase.ACTING) and request.id in self._at_it:
                self._cancel(request.id, request.abort_by)
        for request in filter(None, begun):
            self._at_it[request.id] = self._group.create_task(self._carry_out(request))

    async def _claim(self, connection: AsyncConnection, request: Request) -> Request | None:
        changes: dict[str, Any] = {"owner": self._desk.owner}
        if request.phase is Phase.QUEUED:
            changes |= {"phase": Phase.ACTING, "begun_at": time.time()}
        elif request.phase is Phase.WAITING:
            changes |= {"phase": Phase.LOOKING}
        return await requests.change(connection, request, request.phase, **changes)

    def _is_somebody_at(self, request: Request) -> bool:
        if request.owner == self._desk.owner:
            return request.id in self._at_it  # not if we were stopped, and asked back, in the moment of its claim
        return request.owner is not None and self._present.is_alive(request.owner)

    def _cancel(self, number: int, by: str = "") -> None:
        """Once: to take back what was begun, and to tell of it, is not to be cancelled too."""
        if number not in self._cancelled:
            self._cancelled[number] = by
            self._at_it[number].cancel()

    async def _tell_places(self, connection: AsyncConnection, found: list[Request]) -> None:
        places = {queued.request.id: queued for queued in turns.queued(found)}
        for number, queued in places.items():
            place = (queued.place, queued.behind.id)
            if self._told_places.get(number) != place:
                await self._desk.write(connection, queued.request, words.queued(queued), urgent=False)
                self._desk.signals.to_show.ring()
        self._told_places = {number: (queued.place, queued.behind.id) for number, queued in places.items()}

    async def _carry_out(self, request: Request) -> None:
        try:
            await self._do(request)
        except shipper.ShipperError as error:
            await self._desk.end(request, words.failed(request, error), outcome="failed")
        except asyncio.CancelledError:
            by = self._cancelled.get(request.id)
            if by is None or (not by and request.phase is not Phase.ACTING):
                raise  # we are to end: whoever comes next looks
            await self._desk.end(request, words.aborted(request, by), outcome="aborted")
        except Exception:
            log.exception("request_failed", request=request.id, verb=request.verb)
            await self._desk.end(request, words.bug(request), outcome="failed")
        finally:
            del self._at_it[request.id]
            self._cancelled.pop(request.id, None)
            self._desk.signals.to_do.ring()

    async def _do(self, request: Request) -> None:
        if request.phase is Phase.RECOVERING:
            await recovery.recover(self._desk, request)
        elif not await self._is_still_allowed(request):
            await self._desk.note(request, "refused", "not allowed any more")
            await self._desk.end(request, words.not_any_more(request), outcome="dismissed")
        elif request.phase is Phase.ACTING:
            await acts.act(self._desk, request)
        elif what := missing_of(request.command):
            await questions.ask(self._desk, request, what)
        elif request.verb in (*turns.PLANNED, Verb.PLAN):
            await proposals.propose(self._desk, request)
        else:
            await looks.LOOKS[request.verb](self._desk, request)

    async def _is_still_allowed(self, request: Request) -> bool:
        """The config may be another one than when it was asked for, or confirmed: with a new one comes a restart."""
        config, person = self._desk.config, access.who(self._desk.config, request.person_id)
        place = await self._desk.place(request)
        here = access.environments_in(config, place.chat_id, place.thread_id) if place else ()
        return person is not None and not isinstance(completed(request.command, person, here), Refused)
