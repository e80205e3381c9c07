"""One request to Docker whose answer has no end: a log that is followed, events, the streams of a command.

On the event loop, where it holds no thread; a connection of its own, which is closed at once when it is left.
https://docs.docker.com/reference/api/engine/version/v1.41/
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import h11

from shipper.errors import ConnectError, EngineError, NotThere

_CHUNK = 65536  # bytes that are read at a time
_HEADER = 8  # bytes before each frame
_UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "tcp")]


@asynccontextmanager
async def asked(
    socket_path: Path,
    method: str,
    path: str,
    *,
    query: Mapping[str, str],
    body: Any = None,
    upgrade: bool = False,
    timeout: float,
) -> AsyncIterator["Stream"]:
    """Docker's answer, from its status on. With `upgrade` the connection carries bytes both ways from there.

    `timeout` is for the connection alone: a log that is followed answers with its first line, whenever that comes. A
    connection that died is noticed by SSH. Raises EngineError, NotThere and ConnectError.
    """
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_unix_connection(socket_path)
    except TimeoutError:
        raise ConnectError("Docker did not answer in time.") from None
    except OSError as error:
        raise _broken(error) from None
    try:
        stream = Stream(reader, writer)
        await stream.ask(method, f"{path}?{urlencode(query)}" if query else path, body, upgrade)
        yield stream
    finally:
        writer.transport.abort()


class Stream:
    """A connection, and what came over it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self._is_raw = False
        self._rest = b""

    async def ask(self, method: str, target: str, body: Any, upgrade: bool) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        headers = [("Host", "docker"), ("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        request = h11.Request(method=method, target=target, headers=headers + _UPGRADE * upgrade)
        for event in (request, h11.Data(data=content), h11.EndOfMessage()):
            self._writer.write(self._http.send(event) or b"")
        answer = await self._event()
        if isinstance(answer, h11.InformationalResponse) and answer.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self._is_raw, self._rest = True, self._http.trailing_data[0]
        elif isinstance(answer, h11.Response) and answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise await self._refusal(answer.status_code)
        elif upgrade:
            raise EngineError("Docker did not hand over the connection.")

    async def _refusal(self, status: int) -> EngineError:
        text = b""
        while chunk := await self.read():
            text += chunk
        try:
            what = str(json.loads(text)["message"])
        except (ValueError, KeyError, TypeError):
            what = f"Docker answered: {status}"
        return (NotThere if status == HTTPStatus.NOT_FOUND else EngineError)(what)

    async def read(self) -> bytes:
        """What comes next; nothing at the end. Raises ConnectError where an answer is cut off.

        Bytes that are carried both ways end alike when the connection breaks: whoever needs to know asks for the rest.
        """
        if not self._is_raw:
            event = await self._event()
            return bytes(event.data) if isinstance(event, h11.Data) else b""
        rest, self._rest = self._rest, b""
        return rest or await self._received()

    async def json_lines(self) -> AsyncIterator[Any]:
        """Each line, however it is cut into pieces. Raises EngineError where one is no JSON."""
        unread = b""
        while chunk := await self.read():
            *lines, unread = (unread + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield _parsed(line)
        if unread.strip():
            yield _parsed(unread)

    async def write(self, data: bytes) -> None:
        """Waits until there is room for more. What cannot be written is dropped: `read` tells the end."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError:
            return

    def write_eof(self) -> None:
        """We have no more to say, and still listen."""
        if not self._writer.is_closing():
            self._writer.write_eof()

    async def _event(self) -> Any:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._received())
        except h11.RemoteProtocolError:
            raise ConnectError("The connection to Docker broke.") from None
        return event

    async def _received(self) -> bytes:
        try:
            return await self._reader.read(_CHUNK)
        except OSError as error:
            raise _broken(error) from None


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise EngineError("Docker's answer is no JSON.") from None


def _broken(error: OSError) -> ConnectError:
    return ConnectError(f"The connection to Docker broke: {type(error).__name__}.")


class Frames:
    """PURE. Takes output and errors apart, whose bytes come in frames: 1 byte of kind, 3 of nothing, 4 of length.

    https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
    """

    def __init__(self) -> None:
        self._unread = bytearray()

    def take(self, chunk: bytes) -> Iterator[tuple[bool, bytes]]:
        """The frames that are whole by now: whether it is of the errors, and its bytes."""
        self._unread += chunk
        while len(self._unread) >= _HEADER:
            end = _HEADER + int.from_bytes(self._unread[4:_HEADER], "big")
            if len(self._unread) < end:
                return
            frame = self._unread[0] == 2, bytes(self._unread[_HEADER:end])
            del self._unread[:end]
            yield frame
