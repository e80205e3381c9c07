"""What goes wrong between a bot and Telegram, at the call that a test names."""

import asyncio
import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from tests.fakes.telegram.chats import Chat
from tests.fakes.telegram.parameters import Parameters
from tests.fakes.telegram.refusal import Refusal, too_many_requests

DOWNLOAD = "download"
"""In place of a method: the file itself is asked for."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request of a bot. `at` is by time.monotonic."""

    bot_id: int
    method: str
    parameters: Parameters
    at: float


class Damage(Enum):
    """What becomes of a download."""

    STALLS = "half of it comes, and then nothing"
    BREAKS = "half of it comes, and the connection breaks"
    ENDS_EARLY = "half of it comes, and claims to be all"


Action = Callable[[Call], None]


@dataclass(kw_only=True, eq=False)
class Rule:
    """Acts on the next `times` calls of one method (empty: of any), in one chat or in all."""

    stage: Literal["before", "after"]
    act: Action
    method: str = ""
    chat: Chat | None = None
    times: float = 1
    calls: list[Call] = field(default_factory=list)
    """Those that it acted on."""

    def fits(self, call: Call) -> bool:
        fits_chat = not self.chat or call.parameters.number("chat_id") == self.chat.id
        return len(self.calls) < self.times and fits_chat and self.method.lower() in ("", call.method.lower())


class Faults:
    """Rules are asked in the order in which they were made. What they do happens in a thread, and may take its time."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._damages: list[Damage] = []
        self._holds: list[threading.Event] = []

    def before(self, method: str, act: Action, *, chat: Chat | None = None, times: float = 1) -> Rule:
        """Something happens while the request has had no effect. If it raises Refusal, it has none at all."""
        return self._add(Rule(stage="before", act=act, method=method, chat=chat, times=times))

    def after(self, method: str, act: Action, *, chat: Chat | None = None, times: float = 1) -> Rule:
        """Something happens when the request has had its effect, before that is told. A Refusal is told instead."""
        return self._add(Rule(stage="after", act=act, method=method, chat=chat, times=times))

    def refuse(self, method: str, refusal: Refusal, *, chat: Chat | None = None, times: float = 1) -> Rule:
        def act(call: Call) -> None:
            raise refusal

        return self.before(method, act, chat=chat, times=times)

    def limit(self, method: str, retry_after: int, *, chat: Chat | None = None, times: float = 1) -> Rule:
        """Too many requests."""
        return self.refuse(method, too_many_requests(retry_after), chat=chat, times=times)

    def lift(self, rule: Rule) -> None:
        self._rules.remove(rule)

    @contextlib.contextmanager
    def bad_gateway(self) -> Iterator[None]:
        """Telegram's servers answer that they are not there."""
        rule = self.refuse("", Refusal(502, "Bad Gateway"), times=math.inf)
        try:
            yield
        finally:
            self.lift(rule)

    def slow(self, seconds: float) -> contextlib.AbstractContextManager[threading.Event]:
        """Every request takes so long to arrive."""
        return self.hold("", stage="before", times=math.inf, seconds=seconds)

    @contextlib.contextmanager
    def hold(
        self,
        method: str,
        *,
        stage: Literal["before", "after"] = "after",
        chat: Chat | None = None,
        times: float = 1,
        seconds: float | None = None,
    ) -> Iterator[threading.Event]:
        """As long as the block lasts (or so many seconds), nothing goes on. The event is set when a call is held."""
        held, released = threading.Event(), threading.Event()

        def act(call: Call) -> None:
            held.set()
            released.wait(seconds)

        self._holds.append(released)
        rule = self._add(Rule(stage=stage, act=act, method=method, chat=chat, times=times))
        try:
            yield held
        finally:
            released.set()
            self.lift(rule)

    def damage_download(self, damage: Damage, *, times: int = 1) -> None:
        self._damages += [damage] * times

    def next_damage(self) -> Damage | None:
        return self._damages.pop(0) if self._damages else None

    def release(self) -> None:
        """Whatever is held: the server ends."""
        for released in self._holds:
            released.set()

    async def meet(self, stage: Literal["before", "after"], call: Call) -> None:
        for rule in [rule for rule in self._rules if rule.stage == stage and rule.fits(call)]:
            rule.calls.append(call)
            await asyncio.to_thread(rule.act, call)

    def _add(self, rule: Rule) -> Rule:
        self._rules.append(rule)
        return rule
