"""An event loop whose time passes only when nobody has anything to do: an hour of waiting costs nothing."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any


class VirtualLoop(asyncio.BaseEventLoop):
    """It waits for nothing outside, so it needs no selector."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self.virtual_time = 0.0

    def time(self) -> float:
        return self.virtual_time

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]  # a plain form of the same
        """As asyncio's, without its looks at threads and debugging: tasks do this all the time."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def _run_once(self) -> None:
        """Stands where asyncio waits for files and timers, then calls what is ready."""
        ready = self._ready
        if not ready:
            self._let_time_pass()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _let_time_pass(self) -> None:
        """To the next timer that somebody waits for still."""
        timers = self._scheduled
        while timers and timers[0].cancelled():
            heapq.heappop(timers)
        if not timers:
            raise RuntimeError("everybody waits for something that will not come")
        self.virtual_time = max(self.virtual_time, timers[0].when())
        while timers and timers[0].when() <= self.virtual_time:
            self._ready.append(heapq.heappop(timers))
