import asyncio

import pytest

from shipper.hosts.pace import Pace

CHUNK = 16_384


class Line:
    """Carries `rate` bytes in a second, in a time of its own, and sends marks back at once."""

    def __init__(self, rate: float, latency: float = 0.0) -> None:
        self.now = 0.0
        self.most_on_its_way = 0.0
        self.opened = 0
        self._rate = rate
        self._latency = latency
        self._free_at = 0.0
        self._marks: list[float] = []

    async def open(self) -> "Line":
        self.opened += 1
        return self

    def carry(self, count: int) -> None:
        self._free_at = max(self._free_at, self.now) + count / self._rate
        self.most_on_its_way = max(self.most_on_its_way, self._free_at - self.now)

    async def write(self, chunk: bytes) -> None:
        self._marks.append(self._free_at + self._latency)

    async def read(self) -> bytes:
        self.now = max(self.now, self._marks.pop(0))
        return b"."


async def send(line: Line, size: int) -> float:
    """Sends as much as it may; gives the seconds that it took."""
    pace = Pace(line.open, lambda: line.now)
    for _ in range(size // CHUNK):
        line.carry(CHUNK)
        await pace.wait(CHUNK)
    return line.now


async def test_on_a_slow_line_little_more_is_on_its_way_than_it_carries_in_a_second() -> None:
    line = Line(rate=100_000)
    await send(line, 10_000_000)
    assert line.most_on_its_way < 3


@pytest.mark.parametrize(("rate", "latency"), [(1e6, 0.02), (20e6, 0.1), (100e6, 0.001)])
async def test_the_line_is_used_in_full(rate: float, latency: float) -> None:
    size = round(rate * 20)
    assert await send(Line(rate, latency), size) < 22


async def test_for_little_no_echo_is_opened() -> None:
    line = Line(rate=1e6)
    await send(line, 100_000)
    assert line.opened == 0


async def test_several_who_write_share_one_echo() -> None:
    line = Line(rate=1e6)
    pace = Pace(line.open, lambda: line.now)
    await asyncio.gather(*(pace.wait(1_000_000) for _ in range(5)))
    assert line.opened == 1


async def test_where_the_connection_broke_nobody_waits() -> None:
    class Broken(Line):
        async def read(self) -> bytes:
            return b""

    assert await send(Broken(rate=1e6), 10_000_000) == 0
