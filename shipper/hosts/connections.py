"""Links to servers that a process which lives for long keeps, for all that only looks: a login costs more than a look.

What takes the lock never uses them: the lock dies with its holder, and with his connection what he has under way.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Self

from shipper.errors import ConnectError, ShipperError
from shipper.events import Event, Tell
from shipper.hosts.links import Link, Way, import_what_comes_later, open_link
from shipper.tasks import alongside, task_group

_IDLE = 600.0  # seconds after the last look
_TRUSTED = 5.0  # seconds after a look that went well, in which nobody asks whether the link still leads there
_PATIENCE = 5.0  # seconds for the answer to that: keepalive would take 45


def _ignore(event: Event) -> None:
    """For those who do not want to hear of logins and calls."""


class Connections:
    """One link to each server, opened when it is first needed, and anew where it broke; closed when nobody looks.

    async with shipper.Connections() as connections:
        project = shipper.open_project(environ=os.environ, connections=connections)
    """

    def __init__(self, *, idle: float = _IDLE, tell: Tell = _ignore) -> None:
        """A link that nobody uses for `idle` seconds is closed. `tell` hears of logins and calls, whoever looks."""
        self._idle = idle
        self._tell = tell
        self._kept: dict[Hashable, _Kept] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._keeping = await self._stack.enter_async_context(task_group())
        return self

    async def __aexit__(self, *error: object) -> None:
        """Who still looks is told that the connection broke."""
        for kept in self._kept.values():
            kept.break_off()
        await self._stack.aclose()

    @asynccontextmanager
    async def link(self, way: Way) -> AsyncIterator[Link]:
        """Raises ConnectError and its children."""
        kept = self._kept.get(way.key)
        if kept and not await kept.leads():
            self._forget(way, kept)
            kept = self._kept.get(way.key)  # somebody else may have found it out before
        if not kept:
            kept = self._kept[way.key] = _Kept()
            kept.keeping = self._keeping.create_task(self._keep(way, kept))
        with kept.used():
            yield await asyncio.shield(kept.opened)

    async def _keep(self, way: Way, kept: "_Kept") -> None:
        """From login to logout."""
        try:
            async with (
                task_group() as dialling,
                AsyncExitStack() as stack,
                alongside(asyncio.to_thread(import_what_comes_later)) as imported,
            ):
                kept.is_open(await open_link(stack, dialling, imported, way, self._tell))
                await kept.until_idle(self._idle, lambda: self._forget(way, kept))
        except ShipperError as error:
            kept.is_not_open(error)
        finally:
            self._forget(way, kept)
            kept.is_not_open(ConnectError(f"{way.host_name}: the connection is not kept any more."))

    def _forget(self, way: Way, kept: "_Kept") -> None:
        """Who comes from now on gets another one."""
        if self._kept.get(way.key) is kept:
            del self._kept[way.key]
        kept.forget()


class _Kept:
    """A link, with those who use it."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[Link] = asyncio.get_running_loop().create_future()
        self.keeping: asyncio.Task[None] | None = None
        self._users = 0
        self._heard_at = 0.0
        self._is_forgotten = False
        self._news = asyncio.Event()

    def is_open(self, link: Link) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self.opened.set_result(link)

    def is_not_open(self, error: ShipperError) -> None:
        if not self.opened.done():
            self.opened.set_exception(error)
            self.opened.exception()  # perhaps nobody waits for it any more

    @contextmanager
    def used(self) -> Iterator[None]:
        self._users += 1
        self._news.set()
        try:
            yield
            self._heard_at = asyncio.get_running_loop().time()
        finally:
            self._users -= 1
            self._news.set()

    async def leads(self) -> bool:
        """Whether it still leads where it did; of one that is being opened, that is told by the opening."""
        if not self.opened.done():
            return True
        link, loop = self.opened.result(), asyncio.get_running_loop()
        if link.docker.done() and link.docker.exception():
            return False
        if loop.time() - self._heard_at < _TRUSTED:
            return True
        with self.used():
            impatience = loop.call_later(_PATIENCE, link.server.abort)
            try:
                await link.server.run(":", doing="asking whether the link still leads there")
            except ShipperError:
                return False
            finally:
                impatience.cancel()
        return True

    async def until_idle(self, seconds: float, forget: Callable[[], None]) -> None:
        """Or until it broke, or is forgotten; and until nobody uses it."""
        async with alongside(self.opened.result().server.closed()) as closed:
            closed.add_done_callback(lambda _: self._news.set())
            while not self._is_forgotten and not closed.done() and await self._more_news(seconds):
                pass
            forget()
        while self._users:
            await self._more_news(seconds)

    async def _more_news(self, seconds: float) -> bool:
        """Not where it is idle for so long."""
        self._news.clear()
        try:
            async with asyncio.timeout(None if self._users else seconds):
                await self._news.wait()
        except TimeoutError:
            return self._users > 0
        return True

    def forget(self) -> None:
        self._is_forgotten = True
        self._news.set()

    def break_off(self) -> None:
        if self.opened.done():
            self.opened.result().server.abort()
        elif self.keeping:
            self.keeping.cancel()
