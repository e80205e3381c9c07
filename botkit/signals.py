"""Bells between the parts of one process. They only save time: who misses one looks again in a second."""

import asyncio
from contextlib import suppress


class Bell:
    """Rings once for all who wait, or for the next one who will."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Until it rings, or so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()
