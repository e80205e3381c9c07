"""How much may be on its way through a connection that others use too: about what it carries in a second.

OpenSSH lets 2 MB go at once through each channel. On a slow line the lock's beat, which queues behind them, would not
be answered in time, and the lock would count as lost. So marks are written among the bytes, and sent back by the other
side.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

_MARKS = 2  # on their way at most
_FIRST, _LEAST, _MOST = 131_072, 16_384, 4_194_304  # bytes from one mark to the next
_QUICK, _SLOW = 0.5, 1.0  # seconds after which a mark comes back: less, and more may be on its way; more, and less


class Echo(Protocol):
    """Sends back what is written."""

    async def write(self, chunk: bytes) -> None: ...
    async def read(self) -> bytes:
        """Nothing where the connection broke."""


class Pace:
    def __init__(self, open_echo: Callable[[], Awaitable[Echo]], monotonic: Callable[[], float]) -> None:
        """`open_echo` is called when there is so much to write that it matters."""
        self._open_echo = open_echo
        self._monotonic = monotonic
        self._echo: Echo | None = None
        self._unmarked = 0
        self._spacing = _FIRST
        self._marked_at: deque[float] = deque()
        self._turn = asyncio.Lock()

    async def wait(self, count: int) -> None:
        """Is told that `count` bytes were written; returns when more may be."""
        async with self._turn:
            self._unmarked += count
            if self._unmarked < self._spacing:
                return
            self._unmarked = 0
            self._echo = self._echo or await self._open_echo()
            await self._echo.write(b".")
            self._marked_at.append(self._monotonic())
            while len(self._marked_at) >= _MARKS and (heard := await self._echo.read()):
                for _ in heard:
                    self._adapt(self._monotonic() - self._marked_at.popleft())

    def _adapt(self, seconds: float) -> None:
        if seconds < _QUICK:
            self._spacing = min(self._spacing * 2, _MOST)
        elif seconds > _SLOW:
            self._spacing = max(self._spacing // 2, _LEAST)
