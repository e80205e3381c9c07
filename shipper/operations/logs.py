"""What containers write: the last lines of all hosts in the order of their times, or as they come."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from shipper.accessories.looking import all_hosts, secrets_of
from shipper.accessories.wanted import meant
from shipper.config.schema import seconds_of
from shipper.env.mask import Mask, masking
from shipper.errors import ReleaseNotFound, SecretError, UsageError
from shipper.events import Tell, Warned
from shipper.hosts.session import looking
from shipper.model.records import LogLine
from shipper.operations.deployment import ignore
from shipper.operations.host_logs import EPOCH, HostLogs, Search, Selection, Show
from shipper.project import Project
from shipper.tasks import together


async def logs(
    project: Project,
    *,
    show: Show,
    release_number: int | None = None,
    since: datetime | None = None,
    last: int | None = 100,
    grep: Search | None = None,
    follow: bool = False,
    only_masked: bool = False,
    tell: Tell = ignore,
) -> None:
    """Shows the last lines of what runs, and of the newest container of each role, on all hosts, by time.

    `last` counts the lines of each container that `grep` finds; None for all. With a release it is the containers of
    that, and those of its release commands. With `follow` it goes on with what is written, also by containers that
    start later, until it is cancelled. With `only_masked`, what cannot be masked, since the record of its release is
    gone, is not shown; without, `tell` is warned of it. Raises ShipperError.
    """
    wanted = Selection(
        project=project,
        release_number=release_number,
        since=_nanoseconds(since),
        last=last,
        grep=grep,
        only_masked=only_masked,
    )
    with masking(tell) as (tell, mask):
        await _show(wanted, project.hosts, mask, follow, show, tell)


async def accessory_logs(
    project: Project,
    name: str,
    *,
    show: Show,
    since: datetime | None = None,
    last: int | None = 100,
    grep: Search | None = None,
    follow: bool = False,
    tell: Tell = ignore,
) -> None:
    """The same of an accessory, on all of its hosts that are meant. Raises ShipperError."""
    meant(project.config, (name,))
    wanted = Selection(
        project=project,
        release_number=None,
        since=_nanoseconds(since),
        last=last,
        grep=grep,
        only_masked=False,
        accessories=frozenset((name,)),
    )
    with masking(tell) as (tell, mask):
        try:
            await secrets_of(project, (name,), mask)
        except SecretError as error:
            tell(Warned(text=f"{error.what} So it is not masked in what {name} wrote."))
        await _show(wanted, all_hosts(project, (name,)), mask, follow, show, tell)


async def _show(wanted: Selection, host_names: Sequence[str], mask: Mask, follow: bool, show: Show, tell: Tell) -> None:
    async with looking(wanted.project, tell, host_names) as worlds, AsyncExitStack() as stack:
        hosts = {name: HostLogs(world, wanted, mask, show, tell) for name, world in worlds.items()}
        if follow:  # what starts while we look is told then
            await together({name: host.listen(stack) for name, host in hosts.items()})
        lines = await together({name: host.look() for name, host in hosts.items()})
        for line in merged(lines.values()):
            show(line)
        if follow:
            await together({name: host.follow() for name, host in hosts.items()})
        elif not any(host.has_any for host in hosts.values()):
            next = "shipper status shows what runs." if wanted.accessories else "shipper releases lists what was."
            raise ReleaseNotFound(f"There is no {wanted} on {', '.join(hosts)}.", next=next)


def since_of(text: str, now: datetime) -> datetime:
    """PURE. 10m (so long ago), or a time as ISO 8601 writes it, local if it names no zone. Raises UsageError."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return now - timedelta(seconds=seconds_of(text))
    except (UsageError, OverflowError):
        raise UsageError(
            f'--since: "{text}" is neither a duration nor a time.',
            now="Nothing was done.",
            next="Write 30s, 10m or 2h, or a time such as 2026-03-01T12:00.",
        ) from None


def merged(lines: Iterable[Iterable[list[LogLine]]]) -> Iterator[LogLine]:
    """PURE. In the order of their times; those of one container as it wrote them. For each host, of each container."""
    return heapq.merge(*(of_container for host in lines for of_container in host), key=lambda line: line.at)


def _nanoseconds(moment: datetime | None) -> int:
    return max((moment - EPOCH) // timedelta(microseconds=1) * 1000, 0) if moment else 0
