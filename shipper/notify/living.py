"""PURE: the one message that lives while a service is deployed, rolled back, restarted, started or stopped.

Events go in, with the time at which they came; what to show in a chat of Telegram comes out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shipper.events import (
    Ended,
    Event,
    StepFailed,
    StepFinished,
    StepProgressed,
    StepStarted,
    StepUndone,
    Warned,
)
from shipper.model.outcome import Failed, Outcome
from shipper.model.release import short
from shipper.notify.telegram_text import (
    LONGEST,
    bold,
    escaped,
    first_that_fit,
    last_that_fit,
    length,
    link,
    preformatted,
)
from shipper.planning.facts import Facts
from shipper.reporters.words import bytes_text, outcome_lines, restored_line, serving_line, work_text

_MOST_ROWS = 30  # more than a phone shows at once
_MOST_WARNINGS = 3
_ROOM_FOR_WARNINGS = 600
_ROOM_FOR_SERVING = 800
_ROOM_FOR_REST = 60  # … and 270 more: 1 ❌ 2 ⏳ 3 ↩️ 264 ✅
_NAME, _DETAIL, _SENTENCE = 80, 100, 500  # the most characters of each

State = Literal["going", "done", "failed", "undone"]
_MARKS: dict[State, str] = {"going": "⏳", "done": "✅", "failed": "❌", "undone": "↩️"}
_WHEN_CUT: tuple[State, ...] = ("failed", "going", "undone", "done")
"""What is shown first where there is no room for all."""

StepEvent = StepStarted | StepProgressed | StepFinished | StepFailed | StepUndone


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a host is at for a role, or for all of them; the host "here" is where shipper runs."""

    host_name: str
    role_name: str
    state: State = "going"
    step: str = ""
    detail: str = ""
    step_begun: datetime | None = None
    """None where no step is under way."""
    seconds: float = 0.0
    """Of the steps that have ended."""

    def after(self, event: StepEvent, at: datetime) -> "Row":
        match event:
            case StepStarted():
                return replace(self, state=self._unless_failed("going"), step=event.step, detail="", step_begun=at)
            case StepProgressed():
                return replace(self, detail=bytes_text(event) if event.unit == "bytes" else event.detail)
            case StepFinished():
                ended = replace(self, step_begun=None, seconds=self.seconds + event.seconds, detail="")
                return replace(ended, state=self._unless_failed("done"))
            case StepFailed():
                ended = replace(self, step_begun=None, seconds=self.seconds + event.seconds)
                return replace(ended, state="failed", step=event.step, detail=event.reason)
            case StepUndone():
                return replace(self, state=self._unless_failed("undone"), detail=event.detail)

    def _unless_failed(self, state: State) -> State:
        """A hook that reports a failure, say, does not make it good."""
        return "failed" if self.state == "failed" else state

    def line(self, now: datetime, *, is_over: bool) -> str:
        place = escaped(f"{self.host_name} {self.role_name}".rstrip(), _NAME)
        seconds = (now - self.step_begun).total_seconds() if self.step_begun else self.seconds
        step = "" if is_over and self.state == "done" else f": {escaped(self.step, _NAME)}"
        # in the end the reason stands above, at length
        detail = "" if not self.detail or (is_over and self.state == "failed") else f": {escaped(self.detail, _DETAIL)}"
        return f"{_MARKS[self.state]} {place}{step}, {duration_text(seconds)}{detail}"


@dataclass(frozen=True, kw_only=True)
class Living:
    facts: Facts
    """Of a `Planned` event, or of a plan."""
    begun_at: datetime
    rows: tuple[Row, ...] = ()
    """In the order in which they began."""
    warnings: tuple[str, ...] = ()
    outcome: Outcome | None = None
    broken_by: str = ""
    """Why it came to no outcome."""

    @property
    def is_over(self) -> bool:
        return self.outcome is not None or bool(self.broken_by)

    @property
    def has_failed(self) -> bool:
        return isinstance(self.outcome, Failed) or bool(self.broken_by)

    def after(self, event: Event, at: datetime) -> "Living":
        match event:
            case Warned(text=text):
                return replace(self, warnings=(*self.warnings, text))
            case StepStarted() | StepProgressed() | StepFinished() | StepFailed() | StepUndone():
                return self._after_step(event, at)
            case Ended(outcome=outcome):
                return replace(self, outcome=outcome)
            case _:
                return self

    def broken(self, reason: str) -> "Living":
        """It came to no outcome, since an error was raised instead."""
        return replace(self, broken_by=reason)

    def _after_step(self, event: StepEvent, at: datetime) -> "Living":
        place = (event.host_name, event.role_name)
        rows = {(row.host_name, row.role_name): row for row in self.rows}
        row = rows.get(place, Row(host_name=event.host_name, role_name=event.role_name))
        return replace(self, rows=tuple({**rows, place: row.after(event, at)}.values()))

    def text(self, now: datetime) -> str:
        """HTML of Telegram's kind, short enough for one message."""
        head = [self._title(now), *self._about()]
        tail = list(self._what_serves())
        warnings = list(self._warnings())
        room = LONGEST - sum(length(line) + 1 for line in (*head, *tail, *warnings)) - len("\n\n\n")
        logs = self._logs(room // 2)
        rows = self._rows(now, room - sum(length(line) + 1 for line in logs))
        parts = ([*head, *logs, *tail], rows, warnings)
        return "\n\n".join("\n".join(part) for part in parts if part)

    def alarm(self) -> str:
        """Of a failure, in short: for a message that makes a sound."""
        return "\n".join([self._title(self.begun_at), *self._reason(), *self._what_serves()])

    def _title(self, now: datetime) -> str:
        name = f"{self.facts.service}-{self.facts.destination}" if self.facts.destination else self.facts.service
        if self.outcome:
            title = next(outcome_lines(name, self.outcome))
        elif self.broken_by:
            title = f"{name}: {work_text(self.facts)} failed."
        else:
            title = f"{name}: {work_text(self.facts)}, {duration_text((now - self.begun_at).total_seconds())}"
        mark = _MARKS["failed" if self.has_failed else "done" if self.is_over else "going"]
        return f"{mark} {bold(escaped(title, _SENTENCE))}"

    def _about(self) -> Iterator[str]:
        facts = self.facts
        if facts.release and facts.replaces:
            before, after = escaped(short(facts.replaces_version), _NAME), escaped(short(facts.version), _NAME)
            yield f"Release {facts.replaces} of {before} → {facts.release} of {after}"
        yield f"By {escaped(facts.performer, _NAME)}{self._from()}"
        yield from self._reason()

    def _from(self) -> str:
        """Nothing where the name of whoever deploys tells it already, as in "ann (Telegram)"."""
        origin = self.facts.origin
        if origin.startswith(("https://", "http://")):
            return f", from {link('CI', origin)}"
        return "" if f"({origin})" in self.facts.performer.lower() else f", from {escaped(origin, _NAME)}"

    def _reason(self) -> Iterator[str]:
        reason = self.outcome.reason if isinstance(self.outcome, Failed) else self.broken_by
        is_told = isinstance(self.outcome, Failed) and self.outcome.interrupted  # by the title
        if reason and not is_told:
            yield f"Reason: {escaped(reason, _SENTENCE)}"

    def _logs(self, room: int) -> list[str]:
        logs = self.outcome.logs if isinstance(self.outcome, Failed) else ()
        return preformatted(last_that_fit([escaped(line, _DETAIL) for line in logs], room))

    def _what_serves(self) -> Iterator[str]:
        if self.broken_by:
            yield "shipper status shows what serves now."
        if isinstance(self.outcome, Failed):
            yield restored_line(self.outcome)
            lines = [f"• {escaped(serving_line(row), 2 * _NAME)}" for row in self.outcome.serving]
            yield from _with_rest(lines, first_that_fit(lines, _ROOM_FOR_SERVING))
            yield f"Next: {escaped(self.outcome.next, _SENTENCE)}"

    def _warnings(self) -> Iterator[str]:
        lines = [f"⚠️ {escaped(text, _SENTENCE)}" for text in self.warnings]
        shown = last_that_fit(lines[-_MOST_WARNINGS:], _ROOM_FOR_WARNINGS)
        if older := len(lines) - len(shown):
            yield f"⚠️ {older} more before:" if shown else f"⚠️ {older} warnings"
        yield from shown

    def _rows(self, now: datetime, room: int) -> list[str]:
        def lines(rows: tuple[Row, ...]) -> list[str]:
            return [row.line(now, is_over=self.is_over) for row in rows]

        every = lines(self.rows)
        if len(every) <= _MOST_ROWS and len(first_that_fit(every, room)) == len(every):
            return every
        urgent_first = tuple(sorted(self.rows, key=lambda row: _WHEN_CUT.index(row.state)))
        count = min(_MOST_ROWS, len(first_that_fit(lines(urgent_first), room - _ROOM_FOR_REST)))
        chosen, left = set(urgent_first[:count]), urgent_first[count:]
        counted = " ".join(
            f"{number} {_MARKS[state]}" for state in _WHEN_CUT if (number := sum(row.state == state for row in left))
        )
        return [*lines(tuple(row for row in self.rows if row in chosen)), f"… and {len(left)} more: {counted}"]


def duration_text(seconds: float) -> str:
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _with_rest(lines: list[str], shown: list[str]) -> Iterator[str]:
    yield from shown
    if left := len(lines) - len(shown):
        yield f"• … and {left} more"
