"""Does what was confirmed, and shows it while it lasts, in one message."""

import asyncio
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

import shipper
from botkit.signals import Bell
from opsbot import freezing, proposals
from opsbot.desk import Desk
from opsbot.storage import requests
from opsbot.storage.requests import Phase, Request
from opsbot.verbs import Verb
from opsbot.views import living, recovery, refusals, words

log = structlog.get_logger(__name__)

BETWEEN_SECONDS = 1.0
"""Between two states of the message, of which Telegram is shown as many as it takes."""


async def act(desk: Desk, request: Request) -> None:
    """Raises what went wrong where nothing was begun; after that the hosts are asked what is true."""
    show = Show(desk, request)
    try:
        async with shipper.alongside(show.follow()):
            await _call(desk, request, show)
    except shipper.PlanChanged as error:
        await proposals.propose_instead(desk, request, error.plan)
        return
    except shipper.Unproven as error:
        await desk.end(request, refusals.unproven(request, error), outcome="failed")
        return
    except Exception as error:
        if not show.living:
            raise
        if not isinstance(error, shipper.ShipperError):
            log.exception("act_failed", request=request.id, verb=request.verb)
        if not show.living.is_over:
            show.living = show.living.broken(words.what_happened(error))
    except asyncio.CancelledError:
        if not show.living:
            raise
        _go_on()
    await shipper.finish(_end(desk, request, show))  # who aborts it now is too late, and it is to be told as it is


async def _end(desk: Desk, request: Request, show: "Show") -> None:
    assert show.living
    is_frozen = await freezing.freeze_after_rollback(desk, request, show.living, tell=show)
    await _tell(desk, await _as_it_is_now(desk, request), show.living, is_frozen=is_frozen)


async def _as_it_is_now(desk: Desk, request: Request) -> Request:
    """Somebody may have aborted it."""

    async def look(connection: AsyncConnection) -> Request | None:
        return await requests.get(connection, request.id)

    return await desk.database.insist(look) or request


async def _tell(desk: Desk, request: Request, told: shipper.Living, *, is_frozen: bool) -> None:
    loud = living.alarm(request, told)
    if living.is_blind(told):
        await desk.show(request, recovery.looking(request), loud=loud, phase=Phase.RECOVERING, owner=None)
        return
    await desk.end(
        request,
        living.over(request, told, datetime.now(UTC), is_frozen=is_frozen),
        outcome="failed" if told.has_failed else "done",
        loud=loud,
        options=living.role_to_look_at(told),
    )


async def _call(desk: Desk, request: Request, show: "Show") -> None:
    command, performer, expected = request.command, words.performer(request), request.fingerprint
    place = await desk.place(request)
    match command.verb:
        case Verb.DEPLOY:
            project = await desk.projects.of(command.environment, command.version, performer, place)
            await shipper.deploy(project, expected=expected, unproven=command.force_reason, tell=show)
        case Verb.ROLLBACK:
            base = await desk.projects.base(command.environment, performer, shown_in=place)
            await shipper.rollback(base, request.release, expected=expected, tell=show)
        case _:
            base = await desk.projects.base(command.environment, performer, command.role, shown_in=place)
            await shipper.restart(base, expected=expected, tell=show)


def _go_on() -> None:
    """It was aborted, and has taken back what it had begun: there is something to tell of it."""
    if task := asyncio.current_task():
        task.uncancel()


class Show:
    """Stands where shipper's `tell` stands, and has the message follow."""

    def __init__(self, desk: Desk, request: Request) -> None:
        self._desk = desk
        self._request = request
        self._news = Bell()
        self.living: shipper.Living | None = None

    def __call__(self, event: shipper.Event) -> None:
        now = datetime.now(UTC)
        if isinstance(event, shipper.Planned):
            self.living = shipper.Living(facts=event.facts, begun_at=now)
        elif self.living:
            self.living = self.living.after(event, now)
        self._news.ring()

    async def follow(self) -> None:
        """For ever. Not in a group with what it follows: an error here is to cancel no deploy."""
        while True:
            await self._news.wait(BETWEEN_SECONDS)
            if self.living and not self.living.is_over:
                await self._try_to_show()
            await asyncio.sleep(BETWEEN_SECONDS)

    async def _try_to_show(self) -> None:
        """What is not shown now is shown with the next news, and what is the last of it is shown for certain."""
        try:
            await self._desk.database.insist(self._show)
        except Exception:
            log.exception("not_followed", request=self._request.id)
        self._desk.signals.to_show.ring()

    async def _show(self, connection: AsyncConnection) -> None:
        """As the request is now: somebody may have aborted it."""
        request = await requests.get(connection, self._request.id)
        if request and self.living:
            page = living.going(request, self.living, datetime.now(UTC))
            await self._desk.write(connection, request, page, urgent=False)
