"""A link with a delay: a TCP forwarder in a process of its own, which also counts what passes.

What is sent arrives half a round trip later, however much it is: the link has a delay and no other limit. A server
hears of a connection after one and a half round trips, as with TCP's handshake.
"""

import asyncio
import contextlib
import json
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench.meter import Meter

_CHUNK = 1 << 20  # bytes that are taken at a time


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What passed."""

    bytes_up: int
    """From the client to the server."""
    bytes_down: int
    rounds_ended: Sequence[float]
    """When each round trip that followed on another one ended, in seconds of `time.monotonic`."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """To one server; `port` is on this machine."""

    port: int
    _process: "subprocess.Popen[str]" = field(repr=False)

    def begin(self, rtt: float) -> Traffic:
        """From now on a round trip takes `rtt` seconds, and counting begins anew; gives what was counted until now."""
        assert self._process.stdin
        assert self._process.stdout
        print(rtt, file=self._process.stdin, flush=True)
        return Traffic(**json.loads(self._process.stdout.readline()))


@contextlib.contextmanager
def link(address: str, port: int) -> Iterator[Link]:
    command = [sys.executable, "-m", __name__, address, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield Link(port=int(process.stdout.readline()), _process=process)
        # it ends itself when its input does


_Way = asyncio.Queue[tuple[float, int, bytes]]
"""What is under way in one direction: when it is due, its round, and what it is; nothing at the end."""


class _Forwarder:
    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self._port = port
        self._begin(0.0)

    def _begin(self, rtt: float) -> None:
        self._rtt = rtt
        self._meter = Meter(now=time.monotonic)

    def answer(self, ended: asyncio.Event) -> None:
        """A line of `Link.begin`, or the end of them."""
        line, meter = sys.stdin.readline(), self._meter
        if not line:
            ended.set()
            return
        counted = {"bytes_up": meter.bytes_up, "bytes_down": meter.bytes_down, "rounds_ended": meter.ended}
        print(json.dumps(counted), flush=True)
        self._begin(float(line))

    async def serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):  # the link ends, and with it what is still under way
            await self._forward(client, to_client, self._meter)

    async def _forward(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter, meter: Meter) -> None:
        up, down = _Way(), _Way()
        handshake = meter.client_sends(0) + 1
        await asyncio.sleep(self._rtt)  # SYN, and its answer: before that a client cannot send
        meter.reaches_client(handshake)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._receive(client, up, meter.client_sends))
            await asyncio.sleep(self._rtt / 2)  # ACK: then the server accepts
            meter.reaches_server(handshake)
            server, to_server = await asyncio.open_connection(self._address, self._port, limit=_CHUNK)
            group.create_task(_deliver(up, to_server, meter.reaches_server))
            group.create_task(self._receive(server, down, meter.server_sends))
            group.create_task(_deliver(down, to_client, meter.reaches_client))

    async def _receive(self, reader: asyncio.StreamReader, way: _Way, sends: Callable[[int], int]) -> None:
        chunk = b"?"
        while chunk:
            try:
                chunk = await reader.read(_CHUNK)
            except ConnectionError:
                chunk = b""
            way.put_nowait((time.monotonic() + self._rtt / 2, sends(len(chunk)), chunk))


async def _deliver(way: _Way, writer: asyncio.StreamWriter, reaches: Callable[[int], None]) -> None:
    """All that is due leaves at once: chunks wait side by side, not one after another."""
    with contextlib.suppress(ConnectionError):
        while True:
            due, number, chunk = await way.get()
            if (early := due - time.monotonic()) > 0:
                await asyncio.sleep(early)
            if not chunk:
                break
            reaches(number)
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def _main(address: str, port: str) -> None:
    forwarder, ended = _Forwarder(address, int(port)), asyncio.Event()
    server = await asyncio.start_server(forwarder.serve, "127.0.0.1", 0, limit=_CHUNK)
    asyncio.get_running_loop().add_reader(sys.stdin, forwarder.answer, ended)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()


def _exact_loop() -> asyncio.AbstractEventLoop:
    """epoll, the usual selector, rounds up to whole milliseconds."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=_exact_loop) as runner:
        runner.run(_main(*sys.argv[1:]))
