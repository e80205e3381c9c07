"""What getUpdates gives, as tdlib/telegram-bot-api does it: confirmation by offset, one long poll at a time, expiry."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.fakes.telegram.clock import Clock
from tests.fakes.telegram.refusal import Refusal
from tests.integration.waiting import eventually

LONGEST_POLL = 50
LARGEST_BATCH = 100
PATIENCE = 3.0
"""Who asks the same again, or is in conflict again, within these seconds is slowed down."""
NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
_KEPT = {"callback_query": 150.0}
_KEPT_ELSE = 24 * 3600.0
_FIRST_ID = 500_000_001
_FUTURE = 10
"""An offset that is further ahead of all updates is not believed."""


@dataclass(frozen=True, kw_only=True)
class Update:
    id: int
    kind: str
    content: dict[str, Any]
    expires_at: float

    def as_json(self) -> dict[str, Any]:
        return {"update_id": self.id, self.kind: self.content}


@dataclass(kw_only=True, eq=False)
class Poll:
    """One getUpdates, with its times by time.monotonic. `is_gone` asks whether its client has hung up."""

    name: str
    offset: int
    limit: int = LARGEST_BATCH
    timeout: float = 0
    allowed: Sequence[str] | None = None
    is_gone: Callable[[], bool] = lambda: False
    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None
    got: tuple[int, ...] = ()


class _Waiting:
    """A long poll, until there is something for it or a newer one ends it."""

    def __init__(self) -> None:
        self.is_ended = False
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._loop.call_soon_threadsafe(self._woken.set)

    def end(self) -> None:
        self.is_ended = True
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass


class Mailbox:
    """The updates of one bot. Polled on the server's loop; posted to from any thread."""

    def __init__(self, clock: Clock) -> None:
        self.polls: list[Poll] = []
        self.open: list[Poll] = []
        """Those that wait now."""
        self.overlaps: list[tuple[str, str]] = []
        """Names of who polled, and of who began to poll meanwhile."""
        self.confirmed: list[Update] = []
        self.expired: list[Update] = []
        self.webhook_url = ""
        self._clock = clock
        self._next_id = _FIRST_ID
        self._pending: list[Update] = []
        self._allowed: frozenset[str] = frozenset()
        self._waiting: _Waiting | None = None
        self._previous: tuple[int, float] = (0, 0.0)
        self._next_conflict_at = 0.0
        self._changing = threading.Lock()

    @property
    def pending(self) -> list[Update]:
        with self._changing:
            self._expire()
            return [*self._pending]

    @property
    def is_polled(self) -> bool:
        """Now, or a moment ago."""
        ended = self.polls[-1].ended if self.polls else None
        return bool(self.open) or (ended is not None and time.monotonic() < ended + 2)

    def gaps(self) -> list[float]:
        """Seconds from the last poll of one poller to the first of the next, for each time that they changed."""
        return [
            later.begun - before.ended
            for before, later in pairwise(self.polls)
            if before.name != later.name and before.ended
        ]

    def post(self, kind: str, content: dict[str, Any]) -> None:
        with self._changing:
            if not self._wants(kind):
                return
            expires_at = self._clock.now() + _KEPT.get(kind, _KEPT_ELSE)
            self._pending.append(Update(id=self._next_id, kind=kind, content=content, expires_at=expires_at))
            self._next_id += 1
            if self._waiting:
                self._waiting.wake()

    def forget(self) -> None:
        with self._changing:
            self._pending.clear()

    def wait_for_poll(self, name: str = "", *, within: float = 10.0) -> None:
        """Until somebody (of that name) polls."""
        eventually(
            lambda: any(name in ("", poll.name) for poll in [*self.open]),
            f"a poll of {name or 'anybody'}",
            within=within,
            every=0.002,
        )

    async def poll(self, poll: Poll) -> list[Update]:
        self.overlaps += [(older.name, poll.name) for older in self.open if not older.is_gone()]
        self.polls.append(poll)
        self.open.append(poll)
        try:
            updates = await self._answer(poll)
            poll.got = tuple(update.id for update in updates)
            return updates
        finally:
            poll.ended = time.monotonic()
            self.open.remove(poll)

    async def _answer(self, poll: Poll) -> list[Update]:
        if self.webhook_url:
            raise await self._conflict(
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            )
        with self._changing:
            limit, seconds = self._held_back(poll)
            self._accept(poll)
            updates = self._pending[:limit]
            if updates or not seconds:
                return updates
            waiting = self._begin_to_wait()
        await waiting.wait(seconds)
        if waiting.is_ended:
            raise await self._conflict(
                "terminated by other getUpdates request; make sure that only one bot instance is running"
            )
        with self._changing:
            self._waiting = None
            self._expire()
            return self._pending[:limit]

    def _held_back(self, poll: Poll) -> tuple[int, float]:
        """Limit and timeout: who asks the same again and again gets little, and slowly."""
        limit = min(max(poll.limit, 1), LARGEST_BATCH)
        seconds = min(max(poll.timeout, 0), LONGEST_POLL)
        now = self._clock.now()
        offset, asked_at = self._previous
        if poll.offset == offset and seconds < PATIENCE and now < asked_at + PATIENCE:
            seconds = PATIENCE
        if poll.offset == offset and now < asked_at + PATIENCE / 6:
            limit = 1
        self._previous = (poll.offset, now)
        return limit, seconds

    def _accept(self, poll: Poll) -> None:
        if poll.allowed is not None:
            self._allowed = frozenset(poll.allowed)
        self._expire()
        offset = poll.offset if poll.offset >= 0 else max(self._next_id + poll.offset, 0)
        if offset <= self._next_id + _FUTURE:
            self.confirmed += [update for update in self._pending if update.id < offset]
            self._pending = [update for update in self._pending if update.id >= offset]

    def _begin_to_wait(self) -> _Waiting:
        if self._waiting:
            self._waiting.end()
        self._waiting = _Waiting()
        return self._waiting

    def _wants(self, kind: str) -> bool:
        return kind in self._allowed if self._allowed else kind not in NOT_BY_DEFAULT

    def _expire(self) -> None:
        now = self._clock.now()
        self.expired += [update for update in self._pending if update.expires_at <= now]
        self._pending = [update for update in self._pending if update.expires_at > now]

    async def _conflict(self, reason: str) -> Refusal:
        """The first comes at once; more of them within a short time are held back."""
        if self._clock.now() < self._next_conflict_at:
            await asyncio.sleep(PATIENCE)
        else:
            self._next_conflict_at = self._clock.now() + PATIENCE
        return Refusal(409, f"Conflict: {reason}")
