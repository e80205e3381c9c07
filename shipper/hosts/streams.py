"""World over the answers of Docker's Engine API that have no end: logs, events, and the sessions of commands.

https://docs.docker.com/reference/api/engine/version/v1.41/
"""

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Protocol

from shipper.errors import CommandNotStarted, ConnectError, EngineError
from shipper.hosts.docker_api import DockerApi
from shipper.hosts.docker_stream import Frames, Stream
from shipper.model.container import Label
from shipper.model.specification import Terminal
from shipper.world import LogEntry, Session

_SECOND = 10**9  # nanoseconds
_NO_DETACHING = "ctrl-^,ctrl-^,ctrl-^"  # Docker's own keys, Ctrl-P Ctrl-Q, would swallow the shell's Ctrl-P
_PATIENCE = 5.0  # seconds
_NOT_EXECUTABLE, _NO_COMMAND = 126, 127  # the exit codes of a shell; Docker gives them too


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
            yield _Executed(api, made["Id"], stream, terminal, container_name, command[0])

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
                raise await _not_started(error, end) from None
            yield _Started(api, container_name, stream, terminal, end)


def _console_size(terminal: Terminal | None) -> dict[str, Any]:
    """Docker heeds it from API 1.42 on; before, the first `resize` counts."""
    return {"ConsoleSize": [terminal.rows, terminal.columns]} if terminal else {}


async def _not_started(error: EngineError, end: Stream) -> EngineError:
    """Docker tells in the exit code whether it is for want of the command, and removes the container."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            async for answer in end.json_lines():
                if answer["StatusCode"] in (_NOT_EXECUTABLE, _NO_COMMAND):
                    return CommandNotStarted(error.what, exit_code=answer["StatusCode"])
    return error


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


class _Connected:
    """The streams of a command."""

    def __init__(self, api: DockerApi, stream: Stream, terminal: Terminal | None) -> None:
        self._api = api
        self._stream = stream
        self._frames = None if terminal else Frames()
        self._unread: list[tuple[bool, bytes]] = []

    async def read(self) -> tuple[bool, bytes] | None:
        while not self._unread:
            if not (chunk := await self._stream.read()):
                return None
            self._unread += self._frames.take(chunk) if self._frames else [(False, chunk)]
        return self._unread.pop(0)

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)

    def write_eof(self) -> None:
        self._stream.write_eof()


class _Executed(_Connected):
    """A command in a container that was there before."""

    def __init__(
        self,
        api: DockerApi,
        exec_id: str,
        stream: Stream,
        terminal: Terminal | None,
        container_name: str,
        command_name: str,
    ) -> None:
        super().__init__(api, stream, terminal)
        self._exec_id = exec_id
        self._container_name = container_name
        self._command_name = command_name
        self._is_known_to_run = False

    async def read(self) -> tuple[bool, bytes] | None:
        """What Docker has to say where it cannot start the command comes as if the command had written it."""
        written = await super().read()
        if not self._is_known_to_run:
            self._is_known_to_run = True
            inspected = await self._inspected()
            code = inspected["ExitCode"]
            if not inspected["Pid"] and code:
                why = written[1].decode(errors="replace").strip() if written else f"exit code {code}"
                raise CommandNotStarted(
                    f"{self._command_name} cannot be executed in {self._container_name}: {why}",
                    next="Without a command, at a terminal, it opens a shell there, if the image has one.",
                    exit_code=code,
                )
        return written

    async def resize(self, columns: int, rows: int) -> bool:
        try:
            await self._api.call(
                "exec resize", lambda client: client.exec_resize(self._exec_id, height=rows, width=columns)
            )
        except EngineError:
            return False
        return True

    async def exit_code(self) -> int | None:
        inspected = await self._inspected()
        return None if inspected["Running"] else int(inspected["ExitCode"] or 0)

    async def _inspected(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await self._api.call(
            "exec inspect", lambda client: client.exec_inspect(self._exec_id)
        )
        return found


class _Started(_Connected):
    """The command of a container."""

    def __init__(
        self, api: DockerApi, container_name: str, stream: Stream, terminal: Terminal | None, end: Stream
    ) -> None:
        super().__init__(api, stream, terminal)
        self._container_name = container_name
        self._end = end

    async def resize(self, columns: int, rows: int) -> bool:
        try:
            await self._api.call(
                f"resize {self._container_name}",
                lambda client: client.resize(self._container_name, height=rows, width=columns),
            )
        except EngineError:
            return False
        return True

    async def exit_code(self) -> int | None:
        async for answer in self._end.json_lines():
            return int(answer["StatusCode"])
        raise ConnectError("The connection to Docker broke.")
