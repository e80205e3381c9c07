"""Other processes of a bot, which do what a test tells them."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from botkit import presence
from botkit.database import Database, parse
from tests.forking import FORKING
from voicebot.storage import locks, outbox, queue, users
from voicebot.storage.schema import MIGRATIONS


class Other:
    """Its functions are those below; the first argument of each is given by `other`."""

    def __init__(self, process: Any, pipe: "Connection[Any, Any]") -> None:
        self._process = process
        self._pipe = pipe

    def do(self, function: Callable[..., Any], *arguments: object) -> Any:
        self.begin(function, *arguments)
        return self.result()

    def begin(self, function: Callable[..., Any], *arguments: object) -> None:
        self._pipe.send((function, arguments))

    def result(self) -> Any:
        """Of what was begun; raises what it raised."""
        assert self._pipe.poll(30), "the other process does not answer"
        result, error = self._pipe.recv()
        if error:
            raise error
        return result

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)


@contextmanager
def other(url: str) -> Iterator[Other]:
    ours, theirs = FORKING.Pipe()
    process = FORKING.Process(target=_serve, args=(theirs, url), daemon=True)
    process.start()
    theirs.close()
    made = Other(process, ours)
    yield made
    made.kill()
    ours.close()


def _serve(pipe: "Connection[Any, Any]", url: str) -> None:
    process = _Process(url)
    with suppress(EOFError):
        while True:
            function, arguments = pipe.recv()
            try:
                pipe.send((function(process, *arguments), None))
            except Exception as error:
                pipe.send((None, error))


class _Process:
    def __init__(self, url: str) -> None:
        self.url = parse(url)
        self.presence: presence.Presence | None = None

    @property
    def present(self) -> presence.Presence:
        self.presence = self.presence or presence.of(self.url, locks.LEASE)
        return self.presence

    def with_database(self, act: Callable[[Database], Any]) -> Any:
        async def run() -> Any:
            database = Database(self.url)
            try:
                return await act(database)
            finally:
                await database.close()

        return asyncio.run(run())


def appear(process: _Process) -> int:
    return process.present.owner


def sees(process: _Process, owner: int) -> bool:
    return process.present.is_alive(owner)


def verify(process: _Process) -> None:
    process.present.verify()


def try_lease(process: _Process) -> bool:
    return process.present.lease.try_acquire()


def wait_for_lease(process: _Process) -> float:
    """Until it is ours: the moment, by the clock that all processes have."""
    while not process.present.lease.try_acquire():
        time.sleep(0.001)
    return time.monotonic()


def release_lease(process: _Process) -> float:
    began = time.monotonic()
    process.present.lease.release()
    return began


def work_with_database(process: _Process) -> None:
    """As a bot does beside its presence: connections of SQLite come and go."""
    process.with_database(
        lambda database: database.insist(lambda connection: users.change(connection, 1, timestamps=True))
    )


def claim_jobs(process: _Process, owner: int) -> list[int]:
    """All that there are."""

    async def claim(database: Database) -> list[int]:
        claimed = []
        while job := await database.insist(lambda connection: queue.claim(connection, owner, time.time())):
            claimed.append(job.id)
        return claimed

    return list(process.with_database(claim))


def claim_calls(process: _Process, owner: int) -> list[int]:
    """Chats of the calls, none of which is taken off."""

    async def claim(database: Database) -> list[int]:
        claimed: list[int] = []
        while found := await database.insist(lambda connection: outbox.claim(connection, owner, [], 3)):
            claimed += [call.chat_id for call in found]
        return claimed

    return list(process.with_database(claim))


def count_up(process: _Process, times: int) -> None:
    """Reads a number and writes the next one."""

    async def count(database: Database) -> None:
        for _ in range(times):
            async with database.writing() as connection:
                user = await users.get(connection, 1)
                await users.change(connection, 1, last_turn=user.last_turn + 1)

    process.with_database(count)


def migrate(process: _Process) -> list[str]:
    said: list[str] = []
    MIGRATIONS.migrate(process.url, said.append)
    return said
