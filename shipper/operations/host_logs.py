"""What the containers of one host write: the lines that are there, and those that come."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from shipper.env.mask import Mask
from shipper.errors import ConnectError, EngineError, HostError, NotThere
from shipper.events import Tell, Warned
from shipper.model.container import Container
from shipper.model.records import LogLine
from shipper.model.release import Payload
from shipper.project import Project
from shipper.tasks import task_group, together
from shipper.world import LogEntry, World

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Show = Callable[[LogLine], None]


class Search(Protocol):
    """A regular expression, or what looks in its stead."""

    def search(self, text: str, /) -> object: ...


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which lines of which containers."""

    project: Project
    release_number: int | None
    since: int
    """Nanoseconds since 1970."""
    last: int | None
    grep: Search | None
    only_masked: bool
    accessories: frozenset[str] = frozenset()
    """Names; with none, it is the service's own containers that are wanted."""

    def __str__(self) -> str:
        if self.accessories:
            return f"container of {' or '.join(sorted(self.accessories))}"
        roles, number = self.project.role_names, self.release_number
        of_roles = f" of {' or '.join(roles) or self.project.full_name}"
        return f"container{of_roles}{f', release {number}' if number is not None else ''}"

    def means(self, container: Container) -> bool:
        if self.accessories or container.accessory:
            return container.accessory is not None and container.role_name in self.accessories
        is_meant = self.project.means_role(container.role_name)
        return is_meant and self.release_number in (None, container.release_number)


def chosen(containers: Collection[Container], *, runs: bool) -> list[Container]:
    """PURE. All that run, and the newest of each role, be it that it failed or is stopped.

    With `runs` also those of release commands.
    """
    serving = [container for container in containers if not container.run]
    newest = {container.role_name: container for container in sorted(serving, key=lambda c: c.deploy_id)}
    return [
        container
        for container in containers
        if container is newest.get(container.role_name)
        or (runs and container.is_release_command)
        or (container.is_running and not container.is_session)
    ]


@dataclass(kw_only=True)
class _Tail:
    """The log of one container, as far as it has been read."""

    container: Container
    position: int
    """Nanoseconds since 1970: where what was not read begins."""
    from_end: bool = False
    """What is there already is not wanted."""
    can_be_read: bool = True
    started: asyncio.Event = field(default_factory=asyncio.Event)


class HostLogs:
    """The logs of one host."""

    def __init__(self, world: World, wanted: Selection, mask: Mask, show: Show, tell: Tell) -> None:
        self._world = world
        self._wanted = wanted
        self._mask = mask
        self._show = show
        self._tell = tell
        self._starts: AsyncIterator[str] | None = None
        self._masked: dict[int, bool] = {}
        """For each release whose record was looked for, whether it was there."""
        if wanted.accessories:
            self._masked[0] = True  # they are of no release: their secrets are masked from the beginning
        self.tails: dict[str, _Tail] = {}
        """For each container's id."""
        self.has_any = False
        """There are such containers, though they be none that is shown."""

    async def listen(self, stack: AsyncExitStack) -> None:
        self._starts = await stack.enter_async_context(self._world.streams.starts())

    async def look(self) -> list[list[LogLine]]:
        """The lines that are there, of each container."""
        meant = [container for container in await self._world.engine.containers() if self._wanted.means(container)]
        of_release = self._wanted.release_number is not None
        containers = chosen(meant, runs=of_release)
        self.has_any = bool(containers)
        to_show = await self._with_masks(containers)
        self.tails = {c.id: _Tail(container=c, position=self._wanted.since) for c in to_show}
        found = await together({key: self._backlog(tail) for key, tail in self.tails.items()})
        return list(found.values())

    async def _with_masks(self, containers: Iterable[Container]) -> list[Container]:
        """Those that may be shown, whose secrets are masked from now on."""
        numbers = {container.release_number for container in containers} - self._masked.keys()
        for number, payload in (await together({number: self._payload(number) for number in numbers})).items():
            self._masked[number] = payload is not None
            if payload:
                self._mask.add(payload.secrets.values())
            else:
                self._warn_of_unmasked(number)
        return [c for c in containers if self._masked[c.release_number] or not self._wanted.only_masked]

    def _warn_of_unmasked(self, number: int) -> None:
        so = (
            "what it wrote is not shown: secrets in it could not be masked"
            if self._wanted.only_masked
            else "secrets in what it wrote are not masked"
        )
        what = f"{self._world.host_name}: the record of release {number}"
        self._tell(Warned(text=f"{what} cannot be read, so {so}."))

    async def _payload(self, number: int) -> Payload | None:
        """None where there is none, or another version of shipper wrote it: logs are what helps then."""
        with suppress(HostError):
            return await self._world.state.payload(number)
        return None

    async def _backlog(self, tail: _Tail) -> list[LogLine]:
        wanted, found = self._wanted, deque[LogLine](maxlen=self._wanted.last)
        tail.from_end = wanted.last == 0
        with self._told_if_unreadable(tail):
            # what is searched must come here first: Docker counts lines, and knows no patterns
            last = None if wanted.grep else wanted.last
            async with self._world.streams.log(tail.container.name, since=tail.position, last=last) as entries:
                async for line in self._lines(tail, entries):
                    found.append(line)
        return list(found)

    async def _lines(self, tail: _Tail, entries: AsyncIterator[LogEntry]) -> AsyncIterator[LogLine]:
        """Those that are wanted; `tail` keeps up."""
        async for entry in entries:
            tail.position = entry.at + 1
            text = self._mask(entry.text)
            if not self._wanted.grep or self._wanted.grep.search(text):
                yield LogLine(
                    at=EPOCH + timedelta(microseconds=entry.at // 1000),
                    host_name=self._world.host_name,
                    container=tail.container,
                    is_error=entry.is_error,
                    text=text,
                )

    @contextmanager
    def _told_if_unreadable(self, tail: _Tail) -> Iterator[None]:
        """One container whose log cannot be read is no reason to show no others."""
        container = tail.container
        try:
            yield
        except NotThere:
            tail.can_be_read = False  # it was removed meanwhile
        except EngineError as error:
            tail.can_be_read = False
            key = f"{'accessories' if container.accessory else 'roles'}.{container.role_name}.logging"
            why = f"{error.what.rstrip('.')}: {key} in the config says where its lines go."
            self._tell(Warned(text=f"{self._world.host_name}: the log of {container.name} cannot be read: {why}"))

    async def follow(self) -> None:
        """Until it is cancelled. Raises ConnectError."""
        await self._warn_of_lack()
        try:
            async with task_group() as following:
                for tail in self.tails.values():
                    if tail.can_be_read:
                        following.create_task(self._follow(tail))
                await self._follow_new_ones(following)
        except ConnectError as error:
            raise ConnectError(
                f"{self._world.host_name}: {error.what}",
                now="What runs there goes on, unless the server is down.",
                next=f"shipper status shows what serves; shipper logs -f {self._since()}goes on from here.",
            ) from None

    def _since(self) -> str:
        if not (positions := [tail.position for tail in self.tails.values() if tail.position]):
            return ""
        return f"--since {(EPOCH + timedelta(microseconds=max(positions) // 1000)).isoformat()} "

    async def _warn_of_lack(self) -> None:
        room = await self._world.streams.room() - 1  # for what starts
        if len(self.tails) > room:
            text = f"{self._world.host_name}: {room} containers at once can be followed; name roles with --role."
            self._tell(Warned(text=text))
        if not self.tails:
            self._tell(Warned(text=f"{self._world.host_name}: there is no {self._wanted} yet; waiting for one."))

    async def _follow_new_ones(self, following: asyncio.TaskGroup) -> None:
        assert self._starts, "listen() comes first"
        async for container_id in self._starts:
            if tail := self.tails.get(container_id):
                tail.started.set()
            elif container := await self._new_one(container_id):
                self.tails[container_id] = tail = _Tail(container=container, position=0)
                following.create_task(self._follow(tail))
        raise ConnectError("Docker ends.")

    async def _new_one(self, container_id: str) -> Container | None:
        try:
            container = await self._world.engine.container(container_id)
        except NotThere:
            return None
        if container.is_session or not self._wanted.means(container):
            return None
        return next(iter(await self._with_masks([container])), None)

    async def _follow(self, tail: _Tail) -> None:
        """A stream ends with its container, which may be started again."""
        with self._told_if_unreadable(tail):
            while True:
                tail.started.clear()
                last = 0 if tail.from_end else None
                log = self._world.streams.log(tail.container.name, since=tail.position, last=last, follow=True)
                async with log as entries:
                    async for line in self._lines(tail, entries):
                        self._show(line)
                tail.from_end = False
                await tail.started.wait()
