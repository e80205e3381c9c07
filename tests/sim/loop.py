"""An event loop whose time passes only when nobody has anything to do: an hour of waiting costs nothing."""

import asyncio
import selectors
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(_Timeless(self))
        self.virtual_time = 0.0

    def time(self) -> float:
        return self.virtual_time


class _Timeless(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits for something that will not come")
        self._loop.virtual_time += max(timeout, 0.0)
        return []
