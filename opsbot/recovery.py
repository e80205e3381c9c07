"""What opsbot did not see the end of, since it was killed or cut off: the hosts tell what is true."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

import shipper
from opsbot import freezing
from opsbot.aftermath import Aftermath, Seen, State, aftermath
from opsbot.desk import Desk
from opsbot.storage import requests
from opsbot.storage.requests import Phase, Request
from opsbot.views import recovery as views, words
from opsbot.views.pages import Page

PATIENCE_SECONDS = 300.0
"""How long hosts are asked that do not answer, or where somebody has the lock, before somebody has to ask for it."""
_BETWEEN_SECONDS = 2.0


async def take_over(connection: AsyncConnection, is_at_it: Callable[[Request], bool]) -> None:
    """What only looked is looked at again."""
    for request in await requests.in_phases(connection, Phase.LOOKING, Phase.ACTING, Phase.RECOVERING):
        if not is_at_it(request):
            phase = Phase.WAITING if request.phase is Phase.LOOKING else Phase.RECOVERING
            await requests.change(connection, request, request.phase, phase=phase, owner=None)


async def recover(desk: Desk, request: Request) -> None:
    """Tells in the message of the request what has become of it, or that nobody knows."""
    until, told = time.monotonic() + PATIENCE_SECONDS, ""
    await _tell(desk, request, views.looking(request))
    while problem := await _find_out(desk, request):
        if time.monotonic() > until:
            await desk.end(request, views.unknown(request, problem), outcome="failed", loud=views.alarm(request))
            return
        if problem != told:
            await _tell(desk, request, views.looking(request, problem))
            told = problem
        await asyncio.sleep(_BETWEEN_SECONDS)


async def _find_out(desk: Desk, request: Request) -> str:
    """Why it cannot be told yet; empty once it is told."""
    try:
        found = aftermath(request, await _look(await desk.projects.base(request.environment)))
    except shipper.ShipperError as error:
        return error.what
    if found.state is State.HELD:
        assert found.holder
        return views.held(found.holder)
    await _end(desk, request, found, await _freeze(desk, request, found))
    return ""


async def _freeze(desk: Desk, request: Request, found: Aftermath) -> str:
    """As after each rollback, if this one serves everywhere. What is to be said of it."""
    if found.state not in (State.WELL, State.NEW) or found.later:
        return ""
    remark, _ = await freezing.freeze(desk, request, words.rolled_back(request, request.release))
    return remark


async def _end(desk: Desk, request: Request, found: Aftermath, remark: str) -> None:
    is_well = found.state is State.WELL
    roles = tuple(dict.fromkeys(row.role.role_name for row in found.rows))
    await desk.end(
        request,
        views.found(request, found, remark),
        outcome="done" if is_well else "failed",
        loud=None if is_well else views.alarm(request),
        options=roles[:1],
        command=views.to_go_on(request),
    )


async def _look(project: shipper.Project) -> Seen:
    """Raises ShipperError if a host does not answer. Who has the lock is asked last: nothing has changed until then."""
    past = await shipper.history(project)
    releases = await shipper.list_releases(project)
    hosts = await shipper.status(project)
    for host in hosts:
        if host.problem:
            raise shipper.HostError(host.problem)
    return Seen(past=past, releases=releases, hosts=hosts)


async def _tell(desk: Desk, request: Request, page: Page) -> None:
    await desk.database.insist(lambda connection: desk.write(connection, request, page, urgent=False))
    desk.signals.to_show.ring()
