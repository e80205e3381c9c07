"""World over the answers of Docker's Engine API that have no end: logs, events, and the sessions of commands.

https://docs.docker.com/reference/api/engine/version/v1.41/
"""

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol

from shipper.errors import EngineError
from shipper.hosts.docker_api import DockerApi
from shipper.hosts.docker_sessions import Executed, Started, not_started
from shipper.hosts.docker_stream import Frames
from shipper.model.container import Label
from shipper.model.specification import Terminal
from shipper.world import LogEntry, Session

_SECOND = 10**9  # nanoseconds
_NO_DETACHING = "ctrl-^,ctrl-^,ctrl-^"  # Docker's own keys, Ctrl-P Ctrl-Q, would swallow the shell's Ctrl-P


class Reader(Protocol):
    async def read(self) -> bytes: ...


class DockerStreams:
    def __init__(self, api: "asyncio.Task[DockerApi]", service: str) -> None:
        """Each stream waits until `api` is there, and raises what befell it."""
        self._api = api
        self._service = service

    async def room(self) -> int:
        return (await asyncio.shield(self._api)).streams

    @asynccontextmanager
    async def log(
        self, container_name: str, *, since: int = 0, last: int | None = None, follow: bool = False
    ) -> AsyncIterator[AsyncIterator[LogEntry]]:
        query = {
            "stdout": "true",
            "stderr": "true",
            "timestamps": "true",
            "follow": str(follow).lower(),
            "since": f"{since // _SECOND}.{since % _SECOND:09}",
            "tail": "all" if last is None else str(last),
        }
        api = await asyncio.shield(self._api)
        path = f"/containers/{container_name}/logs"
        async with api.stream(f"logs {container_name}", "GET", path, query) as stream:
            yield entries(stream)

    @asynccontextmanager
    async def starts(self) -> AsyncIterator[AsyncIterator[str]]:
        filters = {"type": ["container"], "event": ["start"], "label": [f"{Label.SERVICE}={self._service}"]}
        api = await asyncio.shield(self._api)
        async with api.stream("events", "GET", "/events", {"filters": json.dumps(filters)}) as stream:
            yield (event["Actor"]["ID"] async for event in stream.json_lines())

    @asynccontextmanager
    async def executing(
        self, container_name: str, command: tuple[str, ...], terminal: Terminal | None, env: Mapping[str, str]
    ) -> AsyncIterator[Session]:
        api = await asyncio.shield(self._api)
        made = await api.call(
            f"exec create {container_name}",
            lambda client: client.exec_create(
                container_name,
                list(command),
                stdin=True,
                tty=terminal is not None,
                environment={**env, **({"TERM": terminal.kind} if terminal else {})},
                detach_keys=_NO_DETACHING if terminal else None,
            ),
        )
        body = {"Tty": terminal is not None, "Detach": False, **_console_size(terminal)}
        path = f"/exec/{made['Id']}/start"
        async with api.stream(f"exec {container_name}", "POST", path, body=body, upgrade=True) as stream:
            yield Executed(api, made["Id"], stream, terminal, container_name, command[0])

    @asynccontextmanager
    async def starting(self, container_name: str, terminal: Terminal | None) -> AsyncIterator[Session]:
        api = await asyncio.shield(self._api)
        path = f"/containers/{container_name}"
        both_ways = {"stream": "true", "stdin": "true", "stdout": "true", "stderr": "true", "detachKeys": _NO_DETACHING}
        async with (
            api.stream(f"attach {container_name}", "POST", f"{path}/attach", both_ways, upgrade=True) as stream,
            api.stream(f"wait {container_name}", "POST", f"{path}/wait", {"condition": "removed"}) as end,
        ):
            try:
                await api.call(f"start {container_name}", lambda client: client.start(container_name))
            except EngineError as error:
                raise await not_started(error, end) from None
            yield Started(api, container_name, stream, terminal, end)


def _console_size(terminal: Terminal | None) -> dict[str, Any]:
    """Docker heeds it from API 1.42 on; before, the first `resize` counts."""
    return {"ConsoleSize": [terminal.rows, terminal.columns]} if terminal else {}


async def entries(stream: Reader) -> AsyncIterator[LogEntry]:
    """A frame is a message, which begins with its time; a long line comes in several, of which the last ends it.

    Raises EngineError where Docker says amid the lines why there are no more.
    """
    frames, begun = Frames(), dict[bool, tuple[int, list[bytes]]]()
    while chunk := await stream.read():
        for is_error, frame in frames.take(chunk):
            time, _, text = frame.partition(b" ")
            at, pieces = begun.setdefault(is_error, (_written_at(time, frame), []))
            pieces.append(text)
            if text.endswith(b"\n"):
                del begun[is_error]
                yield _entry(at, is_error, pieces)
    for is_error, (at, pieces) in begun.items():
        yield _entry(at, is_error, pieces)


def _entry(at: int, is_error: bool, pieces: Sequence[bytes]) -> LogEntry:
    """Decoded as a whole: a piece may end within a character."""
    return LogEntry(at=at, is_error=is_error, text=b"".join(pieces).decode(errors="replace").rstrip("\r\n"))


def _written_at(time: bytes, frame: bytes) -> int:
    """What Docker itself has to say has no time: that the file of a log is broken, after a power cut say."""
    try:
        return nanoseconds(time.decode())
    except ValueError:
        raise EngineError(frame.decode(errors="replace").strip()) from None


def nanoseconds(time: str) -> int:
    """PURE. Of an RFC 3339 time, since 1970; datetime itself ends at microseconds."""
    whole, _, rest = time.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return _seconds(whole + rest[len(digits) :]) * _SECOND + int(digits.ljust(9, "0"))


@functools.lru_cache(maxsize=8)  # most lines are of the same second as the one before
def _seconds(time: str) -> int:
    return int(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp())
