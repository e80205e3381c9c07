"""An update server that behaves like Telegram's getUpdates, and sees whether anybody breaks the rules of a handover.

Who asks with offset N deletes all updates below N; a poll waits for up to `timeout` seconds for the first update; a new
poll ends the one before it: https://core.telegram.org/bots/api#getupdates
"""

import json
import math
import select
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Self
from urllib.parse import parse_qs, urlsplit

LARGEST_BATCH = 100


@dataclass(kw_only=True)
class Poll:
    """One poll, with its times by time.monotonic."""

    name: str
    begun: float
    ended: float | None = None
    got: tuple[int, ...] = ()


@dataclass(kw_only=True)
class Updates:
    """A stream of updates that are numbered from 1, one each `every` seconds; None: none ever comes."""

    every: float | None
    polls: list[Poll] = field(default_factory=list)
    overlaps: list[tuple[str, str]] = field(default_factory=list)
    """Names of who polled, and of who began to poll meanwhile."""
    confirmed: int = 0
    """The greatest id that was deleted by a poll for what comes after it."""
    done: Counter[int] = field(default_factory=Counter)
    _began: float = field(default_factory=time.monotonic)
    _open: tuple[Poll, socket.socket] | None = None
    _changing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def never_two_polled(self) -> bool:
        return not self.overlaps

    def missed(self) -> list[int]:
        """Updates that were deleted, but never done."""
        return [number for number in range(1, self.confirmed + 1) if number not in self.done]

    def doubled(self) -> list[int]:
        """Updates that were done more than once."""
        return sorted(number for number, times in self.done.items() if times > 1)

    def gaps(self) -> list[float]:
        """Seconds from the last poll of one poller to the first of the next, for each time that they changed."""
        return [
            later.begun - before.ended
            for before, later in pairwise(self.polls)
            if before.name != later.name and before.ended
        ]

    def poll(self, name: str, offset: int, timeout: float, connection: socket.socket) -> tuple[int, ...]:
        poll = self._begin(name, offset, connection)
        if poll is None:
            return ()
        until = poll.begun + timeout
        waiting = self._waiting()
        while not waiting and time.monotonic() < until and not is_gone(connection, self._pause(until)):
            waiting = self._waiting()
        self._end(poll, waiting)
        return waiting

    def _begin(self, name: str, offset: int, connection: socket.socket) -> Poll | None:
        """Nothing where the client had gone before this thread came to it, on a busy machine: nobody polls."""
        with self._changing:
            if is_gone(connection, 0):
                return None
            poll = Poll(name=name, begun=time.monotonic())
            if self._open:
                self._end_early(*self._open, poll)
            self.confirmed = max(self.confirmed, offset - 1)
            self._open = (poll, connection)
            self.polls.append(poll)
        return poll

    def _end_early(self, older: Poll, connection: socket.socket, newer: Poll) -> None:
        older.ended = time.monotonic()
        if older.name != newer.name and not is_gone(connection, 0):
            self.overlaps.append((older.name, newer.name))
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    def _end(self, poll: Poll, got: tuple[int, ...]) -> None:
        with self._changing:
            if not poll.ended:
                poll.ended, poll.got, self._open = time.monotonic(), got, None

    def _waiting(self) -> tuple[int, ...]:
        made = int((time.monotonic() - self._began) / self.every) if self.every else 0
        return tuple(range(self.confirmed + 1, made + 1))[:LARGEST_BATCH]

    def _pause(self, until: float) -> float:
        """Seconds until there may be something to answer."""
        return max(0.0, min(self.every or math.inf, until - time.monotonic()))


def is_gone(connection: socket.socket, within: float) -> bool:
    """Whether the client closes within that many seconds: it has nothing to say after its request."""
    return bool(select.select([connection], [], [], within)[0])


class UpdateServer(ThreadingHTTPServer):
    """Serves /updates?offset=N&timeout=S&name=… and /done?update_id=N in threads, as long as the block lasts."""

    def __init__(self, *, every: float | None, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), Handler)
        self.updates = Updates(every=every)
        self.url = f"http://{address}:{self.server_port}"

    def __enter__(self) -> Self:
        self._serving = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._serving.join()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: UpdateServer

    def do_GET(self) -> None:
        request = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(request.query).items()}
        if request.path == "/updates":
            timeout = float(asked.get("timeout", 0))
            got = self.server.updates.poll(asked["name"], int(asked["offset"]), timeout, self.connection)
            self._reply([{"update_id": number} for number in got])
        elif request.path == "/done":
            self.server.updates.done[int(asked["update_id"])] += 1
            self._reply(True)
        else:
            self.send_error(404)

    def _reply(self, result: object) -> None:
        with suppress(OSError):  # who has gone, or was ended by a newer poll, does not hear it
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"ok": True, "result": result}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
