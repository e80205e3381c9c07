"""`shipper status`, once or again and again.

Each host is reached on its own: what one of them does not tell, the others do.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from shipper.env.mask import Mask, masking
from shipper.errors import ShipperError
from shipper.events import Tell
from shipper.hosts.session import SystemClock, looking
from shipper.model.status import HostStatus
from shipper.operations.deployment import ignore
from shipper.operations.health import Eye, look
from shipper.project import Project
from shipper.tasks import task_group, together

_PATIENCE = 2.0  # seconds that a look may take


async def status(project: Project, *, tell: Tell = ignore) -> tuple[HostStatus, ...]:
    """What serves on each host, and how it does. Raises ShipperError if no host can be looked at."""
    with masking(tell) as (tell, mask):
        seen = await together({name: _once(_only(project, name), mask, tell) for name in project.hosts})
        return _told(seen, mask)


async def watch_status(
    project: Project, show: Callable[[tuple[HostStatus, ...]], None], *, every: float, tell: Tell = ignore
) -> None:
    """Shows the status every so many seconds, until it is cancelled, over one connection to each host.

    Connects again where that breaks. Raises ShipperError if no host can be looked at when it begins.
    """
    with masking(tell) as (tell, mask):
        latest: dict[str, HostStatus | ShipperError] = {}
        fresh: set[str] = set()
        news = asyncio.Event()

        def see(host_name: str, seen: HostStatus | ShipperError) -> None:
            latest[host_name] = seen
            fresh.add(host_name)
            news.set()

        async def all_seen() -> None:
            while len(fresh) < len(project.hosts):
                await news.wait()
                news.clear()
            fresh.clear()

        async with task_group() as watching:
            for name in project.hosts:
                watching.create_task(_again_and_again(_only(project, name), every, mask, see, tell))
            await all_seen()
            show(_told({name: latest[name] for name in project.hosts}, mask))
            while True:
                with suppress(TimeoutError):  # one that does not answer does not keep the others waiting
                    async with asyncio.timeout(every + _PATIENCE):
                        await all_seen()
                show(tuple(_host_status(name, latest[name], mask) for name in project.hosts))


def _only(project: Project, host_name: str) -> Project:
    return replace(project, host_names=(host_name,))


async def _once(project: Project, mask: Mask, tell: Tell) -> HostStatus | ShipperError:
    try:
        async with looking(project, tell) as worlds:
            (world,) = worlds.values()
            return await look(Eye(project, mask), world)
    except ShipperError as error:
        return error


async def _again_and_again(
    project: Project,
    every: float,
    mask: Mask,
    see: Callable[[str, HostStatus | ShipperError], None],
    tell: Tell,
) -> None:
    (host_name,) = project.hosts
    clock = SystemClock()
    eye = Eye(project, mask)
    while True:
        try:
            async with looking(project, tell) as worlds:
                while True:
                    see(host_name, await look(eye, worlds[host_name]))
                    await clock.sleep(every)
        except ShipperError as error:
            see(host_name, error)
        await clock.sleep(every)


def _told(seen: Mapping[str, HostStatus | ShipperError], mask: Mask) -> tuple[HostStatus, ...]:
    errors = [found for found in seen.values() if isinstance(found, ShipperError)]
    if len(errors) == len(seen):
        raise errors[0]
    return tuple(_host_status(name, found, mask) for name, found in seen.items())


def _host_status(host_name: str, seen: HostStatus | ShipperError, mask: Mask) -> HostStatus:
    if isinstance(seen, HostStatus):
        return seen
    return HostStatus(
        host_name=host_name,
        at=SystemClock().now(),
        problem=mask(seen.what),
        next=mask(seen.next),
        exit_code=seen.exit_code,
    )
