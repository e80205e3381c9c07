"""Events as plain lines, for what is not a terminal: a log, a pipe, CI."""

import time
from collections.abc import Callable

from shipper.events import (
    AccessoriesEnded,
    Called,
    Connected,
    Ended,
    Event,
    Output,
    Planned,
    Pushed,
    StepFailed,
    StepFinished,
    StepProgressed,
    StepStarted,
    StepUndone,
    Warned,
)
from shipper.reporters.timeline import Timeline
from shipper.reporters.words import accessories_lines, bytes_text, outcome_lines, pushed_line

_PROGRESS_PAUSE = 5.0  # seconds

_RESULTS = (Warned, StepFailed, StepUndone, Pushed, AccessoriesEnded, Ended)


class PlainReporter:
    def __init__(self, write: Callable[[str], None], *, verbose: bool, quiet: bool = False) -> None:
        """`quiet` writes only the result, and what goes wrong."""
        self._write = write
        self._verbose = verbose
        self._quiet = quiet
        self._next_progress = 0.0
        self._timeline = Timeline()

    def __call__(self, event: Event) -> None:
        self._timeline.note(event)
        if self._quiet and not isinstance(event, _RESULTS):
            return
        for line in self._lines(event):
            self._write(line)

    def _lines(self, event: Event) -> list[str]:
        match event:
            case Warned(text=text):
                return [f"warning: {text}"]
            case Connected(host_name=host_name, seconds=seconds):
                return [f"{host_name}: connected  ({seconds:.2f} s)"]
            case Planned(lines=lines):
                return list(lines)
            case Output(line=line):
                return [f"  | {line}"]
            case StepStarted():
                self._next_progress = time.monotonic() + _PROGRESS_PAUSE
                return [f"{_place(event)}: {event.step} …"]
            case StepProgressed(unit="line", detail=line):
                return [f"  | {line}"]
            case StepProgressed(unit="bytes"):
                return self._now_and_then(f"{_place(event)}: {event.step}: {bytes_text(event)}")
            case StepProgressed():
                return self._now_and_then(f"{_place(event)}: {event.step}: {event.detail}")
            case StepFinished(detail=detail, seconds=seconds):
                return [f"{_place(event)}: {event.step} done{': ' * bool(detail)}{detail}  ({seconds:.2f} s)"]
            case StepFailed(reason=reason, seconds=seconds):
                return [f"{_place(event)}: {event.step} FAILED: {reason}  ({seconds:.2f} s)"]
            case StepUndone(detail=detail):
                return [f"{_place(event)}: {event.step} taken back: {detail}"]
            case Called(host_name=host_name, call=call, seconds=seconds):
                return [f"  {seconds * 1000:7.1f} ms  {host_name}  {call}"] if self._verbose else []
            case Pushed():
                return [pushed_line(event)]
            case AccessoriesEnded():
                return list(accessories_lines(event))
            case Ended(service=service, outcome=outcome):
                return [*(self._timeline.lines() if self._verbose else ()), *outcome_lines(service, outcome)]

    def _now_and_then(self, line: str) -> list[str]:
        """A log needs no line for each packet, but one must see that it goes on."""
        now = time.monotonic()
        if now < self._next_progress:
            return []
        self._next_progress = now + _PROGRESS_PAUSE
        return [line]


def _place(event: StepStarted | StepProgressed | StepFinished | StepFailed | StepUndone) -> str:
    return f"{event.host_name} {event.role_name}".rstrip()
