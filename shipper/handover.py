"""The half of a handover that runs inside an app. docs/handover.md is the whole protocol, for apps in any language.

    async with Handover() as handover:  # health says "starting"
        bot = await load()
        async with handover.active():  # "standby" until the lease is ours, then "active"
            while (updates := await handover.until_stop(bot.poll())) is not None:
                handover.polled()
                bot.accept(updates)
            await bot.confirm()  # while the lease is still ours: nobody is given these updates again
        await bot.finish()  # "draining": the next one is at work already

A bot that deploys itself gives way without a signal, and may be asked to take the work back:

        while await handover.wanted():
            async with handover.active():
                ...

It imports the standard library only, so that an app needs no other part of shipper.
"""

import asyncio
import fcntl
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol, TypeAlias, TypeVar

Result = TypeVar("Result")
Health: TypeAlias = tuple[HTTPStatus, dict[str, str | float]]
"""Status and JSON that the health endpoint answers with."""

LEASE_INTERVAL = 0.01
"""Seconds between two tries to get the lease: for about as long nobody polls."""
HEALTH_PATIENCE = 5.0
"""Seconds that a client of the health endpoint may take."""
LARGEST_REQUEST = 65536
"""Bytes of a request after which its end is not waited for."""


class State(StrEnum):
    """What the health endpoint says."""

    STARTING = "starting"
    """Not ready to take over."""
    STANDBY = "standby"
    """Ready, and waiting for the lease."""
    ACTIVE = "active"
    """Holds the lease, and is the only one who does."""
    DRAINING = "draining"
    """Has given the lease back, and finishes what it holds."""


class Lease(Protocol):
    """What one process at a time can hold, and what is freed when its holder dies, however it dies."""

    def try_acquire(self) -> bool:
        """Whether it is ours now; does not wait for it."""

    def release(self) -> None:
        """Gives it back; it can be acquired again."""


class LeaseError(Exception):
    """The lease cannot be used as it is configured: nobody could be kept from being active beside us."""


class FileLease:
    """`flock` on a file or folder, which needs no permission to write: https://man7.org/linux/man-pages/man2/flock.2.html

    Raises LeaseError if there is nothing at `path` that can be opened for reading.
    """

    def __init__(self, path: str) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY)  # exec does not inherit it: https://peps.python.org/pep-0446/
        except OSError as error:
            raise LeaseError(
                f"SHIPPER_LEASE={path} cannot be opened: {error.strerror}. Without it two could be at work, so this "
                "one has not begun. Mount the volume of the lease there, readable by the user of the app; or unset "
                "SHIPPER_LEASE, where no second one can run."
            ) from error

    def try_acquire(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        # To close the descriptor would not be enough: a forked child has it too, and would keep the lease.
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)


class NoLease:
    """For where no second one can run, as on a developer's machine."""

    def try_acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


class Handover:
    """Passes the work of a process that must not run twice from an old one to a new one. Is used once, in one task.

    Entering it takes over SIGTERM and SIGINT and answers health checks on SHIPPER_HEALTH_PORT, if that is set. If told
    to stop before it was ever active, the block is cancelled where it is, and left without an error.

    `lease` is that of SHIPPER_LEASE if none is given, and always free if that is not set. An active process whose last
    good poll is `deaf_after` seconds old is unhealthy: a long poll must be shorter. Raises LeaseError, ValueError for a
    port that is none, and OSError if the port is taken.
    """

    def __init__(self, *, lease: Lease | None = None, deaf_after: float = 60.0) -> None:
        self.state = State.STARTING
        self.stop_requested = False
        """Whether we were told to stop, or give way. It stays active until it leaves the block of `active`."""
        self._is_decided = asyncio.Event()
        """Who gives way does not know at first whether it will be wanted again."""
        self._is_decided.set()
        self._lease = lease or _lease_of_environment()
        self._port = int(os.environ.get("SHIPPER_HEALTH_PORT") or 0)
        self._deaf_after = deaf_after
        self._polled_at = time.monotonic()
        self._interruptible: set[asyncio.Timeout] = set()
        self._block = self._listening()

    async def __aenter__(self) -> "Handover":
        await self._block.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._block.__aexit__(kind, error, trace)

    @asynccontextmanager
    async def active(self) -> AsyncIterator[None]:
        """Waits for the lease, without a limit. Leaving the block gives it back: nobody else is in theirs meanwhile.

        Who gave way may enter it again: see `wanted`.
        """
        self.state = State.STANDBY
        self._interruptible.add(self._whole)
        if self.stop_requested and self._is_decided.is_set():
            self._interrupt({self._whole})
        # Between the signal and our cancellation the lease may come free: who was told to stop does not take it.
        while self.stop_requested or not self._lease.try_acquire():  # noqa: ASYNC110 — the kernel tells nobody
            await asyncio.sleep(LEASE_INTERVAL)
        self._interruptible.discard(self._whole)
        self.polled()
        self.state = State.ACTIVE
        try:
            yield
        finally:
            self.state = State.DRAINING
            self._lease.release()

    async def until_stop(self, work: Coroutine[Any, Any, Result]) -> Result | None:
        """What `work` returns, or None if we are told to stop before: it is cancelled then, or not begun at all."""
        if self.stop_requested:
            work.close()
            return None
        async with self._interrupted_by_stop():
            return await work

    async def wanted(self) -> bool:
        """Whether we are to be active, for the first time or again; who gave way waits for the answer."""
        while not self._is_decided.is_set():
            await self._is_decided.wait()
        return not self.stop_requested

    def give_way(self) -> None:
        """What the stop signal does to who is active, but to live on until `take_back` or `leave`."""
        if not self.stop_requested:
            self.stop_requested = True
            self._is_decided.clear()
            self._interrupt(self._interruptible - {self._whole})

    def take_back(self) -> None:
        """We gave way for nothing: we are to be active again, as soon as the lease is free."""
        if not self._is_decided.is_set():
            self.stop_requested = False
            self._is_decided.set()

    def leave(self) -> None:
        """What the stop signal does."""
        self.stop_requested = True
        self._is_decided.set()
        self._interrupt(self._interruptible)

    def polled(self) -> None:
        """Call it after each good poll, or each round of whatever the work is: who does not is deaf, and unhealthy."""
        self._polled_at = time.monotonic()

    def health(self) -> Health:
        """What the health endpoint answers now."""
        said: dict[str, str | float] = {"state": self.state}
        healthy = self.state is not State.STARTING
        if self.state is State.ACTIVE:
            age = time.monotonic() - self._polled_at
            said["last_poll_age_seconds"] = round(age, 3)
            healthy = age < self._deaf_after
        return HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE, said

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        async with self._interrupted_by_stop() as self._whole:
            with self._signals():
                server = await self._serve_health() if self._port else None
                try:
                    yield
                finally:
                    if server:
                        server.close()

    async def _serve_health(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _HealthConnection(self.health), "0.0.0.0", self._port)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.leave)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _interrupt(self, blocks: set[asyncio.Timeout]) -> None:
        for block in blocks:
            if block.when() is None:  # once: what is being tidied up is left alone
                block.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def _interrupted_by_stop(self) -> AsyncIterator[asyncio.Timeout]:
        """A block that is cancelled when we are told to stop, and is then left without an error."""
        block = asyncio.timeout(None)
        try:
            async with block:
                self._interruptible.add(block)
                try:
                    yield block
                finally:
                    self._interruptible.discard(block)
        except TimeoutError:
            if not block.expired():
                raise


class _HealthConnection(asyncio.Protocol):
    """Answers any request, and closes. A client that is slow, gone or talks nonsense is no concern of the app."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._limit = asyncio.get_running_loop().call_later(HEALTH_PATIENCE, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n\r\n" in self._received or len(self._received) > LARGEST_REQUEST:
            self._transport.write(_http(*self._health()))
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._limit.cancel()


def _lease_of_environment() -> Lease:
    path = os.environ.get("SHIPPER_LEASE")
    return FileLease(path) if path else NoLease()


def _http(status: HTTPStatus, said: dict[str, str | float]) -> bytes:
    body = json.dumps(said).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body
