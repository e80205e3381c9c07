"""Where the time of a deploy went, for `-v`: a bar for each thing that took some."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from shipper.events import Connected, Event, Planned, StepFailed, StepFinished

_WIDTH = 40  # characters of the longest bar


@dataclass(frozen=True, kw_only=True)
class Span:
    what: str
    begun: float
    """Seconds since the beginning."""
    seconds: float


class Timeline:
    def __init__(self) -> None:
        self._beginning = time.monotonic()
        self.spans: list[Span] = []

    def note(self, event: Event) -> None:
        match event:
            case Connected(host_name=host_name, seconds=seconds):
                self._add(f"{host_name} connect", seconds)
            case Planned():
                connected = max((span.begun + span.seconds for span in self.spans), default=0.0)
                self._add("read and plan", time.monotonic() - self._beginning - connected)
            case StepFinished(seconds=seconds) | StepFailed(seconds=seconds):
                self._add(" ".join(filter(None, (event.host_name, event.role_name, event.step))), seconds)
            case _:
                pass

    def _add(self, what: str, seconds: float) -> None:
        self.spans.append(Span(what=what, begun=time.monotonic() - self._beginning - seconds, seconds=seconds))

    def lines(self) -> Iterator[str]:
        return drawn(self.spans, time.monotonic() - self._beginning)


def drawn(spans: list[Span], total: float) -> Iterator[str]:
    """PURE."""
    names = max((len(span.what) for span in spans), default=0)
    for span in sorted(spans, key=lambda span: span.begun):
        before, length = (round(seconds / total * _WIDTH) for seconds in (span.begun, span.seconds))
        yield f"{span.begun:6.2f} s  {span.what:<{names}}  {' ' * before}{'█' * max(length, 1)} {span.seconds:.2f} s"
    yield f"{total:6.2f} s  in all"
