"""Docker's answers that have no end, as a local socket gives them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from shipper.errors import ConnectError, EngineError, NotThere, ShipperError
from shipper.hosts.docker_stream import Stream, asked

OK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


def refused(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Docker:
    """Answers with these pieces, one after the other."""

    def __init__(self) -> None:
        self.asked = b""
        self.heard = b""
        """What came after the question, until its end."""
        self.closed = asyncio.Event()

    async def serve(self, pieces: tuple[bytes, ...], holds: bool, reader: Any, writer: Any) -> None:
        self.asked = await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if holds:
            with suppress(ConnectionError):
                self.heard = await reader.read()
            self.closed.set()
            writer.write(b"the end")
        writer.close()


@asynccontextmanager
async def asking(
    folder: Path, *pieces: bytes, upgrade: bool = False, holds: bool = False
) -> AsyncIterator[tuple[Stream, Docker]]:
    docker = Docker()
    serve: Callable[[Any, Any], Any] = lambda reader, writer: docker.serve(pieces, holds, reader, writer)  # noqa: E731
    async with await asyncio.start_unix_server(serve, folder / "docker.sock"):
        asking = asked(folder / "docker.sock", "GET", "/v1.41/events", query={"a": "b c"}, upgrade=upgrade, timeout=5)
        async with asking as stream:
            yield stream, docker


async def test_lines_of_json_are_found_however_they_are_cut(tmp_path: Path) -> None:
    chunks = (b'7\r\n{"a": 1\r\n', b'8\r\n}\n{"a": \r\n', b"3\r\n2}\n\r\n", b"0\r\n\r\n")

    async with asking(tmp_path, OK, *chunks) as (stream, docker):
        assert [line async for line in stream.json_lines()] == [{"a": 1}, {"a": 2}]
    assert docker.asked.startswith(b"GET /v1.41/events?a=b+c HTTP/1.1\r\n")


async def test_an_answer_that_is_cut_off_is_a_lost_connection(tmp_path: Path) -> None:
    async with asking(tmp_path, OK, b"5\r\nlines\r\n") as (stream, _):
        assert await stream.read() == b"lines"
        with pytest.raises(ConnectError):
            await stream.read()


@pytest.mark.parametrize(
    ("answer", "kind", "what"),
    [
        (refused("404 Not Found", b'{"message": "No such container: x"}'), NotThere, "No such container: x"),
        (refused("500 Oops", b'{"message": "cannot be read"}'), EngineError, "cannot be read"),
        (refused("502 Bad Gateway", b"<html>"), EngineError, "Docker answered: 502"),
        (b"SSH-2.0-hello\r\n", ConnectError, "The connection to Docker broke."),
        (b"", ConnectError, "The connection to Docker broke."),
    ],
)
async def test_a_refusal_is_told_in_dockers_words(
    tmp_path: Path, answer: bytes, kind: type[ShipperError], what: str
) -> None:
    with pytest.raises(kind) as raised:
        async with asking(tmp_path, answer):
            pass

    assert (type(raised.value), raised.value.what) == (kind, what)


async def test_where_nothing_listens_it_is_a_lost_connection(tmp_path: Path) -> None:
    with pytest.raises(ConnectError, match="FileNotFoundError"):
        async with asked(tmp_path / "nowhere.sock", "GET", "/", query={}, timeout=5):
            pass


async def test_a_connection_that_is_handed_over_carries_bytes_both_ways(tmp_path: Path) -> None:
    async with asking(tmp_path, UPGRADED + b"came with it", upgrade=True, holds=True) as (stream, docker):
        assert await stream.read() == b"came with it"
        await stream.write(b"a question")
        stream.write_eof()
        assert await stream.read() == b"the end"
        assert await stream.read() == b""
    assert docker.heard == b"a question"
    assert b"Upgrade: tcp\r\n" in docker.asked


async def test_a_connection_that_is_not_handed_over_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="did not hand over"):
        async with asking(tmp_path, OK, b"0\r\n\r\n", upgrade=True):
            pass


async def test_whoever_leaves_closes_the_connection_at_once(tmp_path: Path) -> None:
    docker: Docker | None = None
    with pytest.raises(TimeoutError):
        async with asking(tmp_path, OK, holds=True) as (stream, docker), asyncio.timeout(0.1):
            await stream.read()
    assert docker
    async with asyncio.timeout(5):
        await docker.closed.wait()


@pytest.mark.parametrize("line", [b'{"a', b"\xff", b"<html>"])
@pytest.mark.parametrize("end", [b"", b"\n"])
async def test_lines_that_are_no_json_are_an_error(tmp_path: Path, line: bytes, end: bytes) -> None:
    chunk = f"{len(line + end):x}\r\n".encode() + line + end + b"\r\n"

    async with asking(tmp_path, OK, chunk, b"0\r\n\r\n") as (stream, _):
        with pytest.raises(EngineError, match="no JSON"):
            await anext(stream.json_lines())
