"""Regular expressions that people write, of which some take for ever.

Python's engine holds the interpreter while it looks, so neither another thread nor a timeout of asyncio could end that,
and everything else would stand still meanwhile: deploys, the other people, the lease. Signals do reach it.
"""

import re
import signal
from types import FrameType

import shipper

LONGEST = 200
"""Characters."""
LINE_SECONDS = 0.25
"""Of the processor, for one line."""
ALL_SECONDS = 5.0


class NoPattern(ValueError):
    """It is none, or too long."""


class TooSlow(shipper.UsageError):
    """It would take too long."""


class Pattern:
    """Looks as long as it may. For the main thread: signals come nowhere else."""

    def __init__(self, text: str) -> None:
        """Raises NoPattern."""
        self._pattern = compiled(text)
        self._seconds_left = ALL_SECONDS
        self._is_searching = False

    def search(self, line: str, /) -> bool:
        """Raises TooSlow."""
        granted = min(LINE_SECONDS, self._seconds_left)
        if granted <= 0:  # by another host's lines; as a timer that would be none
            raise self._too_slow()
        self._is_searching = True
        signal.signal(signal.SIGVTALRM, self._end)  # of several, the one that looks now
        signal.setitimer(signal.ITIMER_VIRTUAL, granted)
        try:
            return self._pattern.search(line) is not None
        finally:
            self._is_searching = False
            left, _ = signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            self._seconds_left -= granted - left

    def _end(self, number: int, frame: FrameType | None) -> None:
        if self._is_searching:
            raise self._too_slow()

    def _too_slow(self) -> TooSlow:
        return TooSlow(
            f'To look for "{self._pattern.pattern}" takes too long.',
            next="What repeats itself within something repeated, or often in a row, has countless ways to match.",
        )


def compiled(text: str) -> "re.Pattern[str]":
    """Raises NoPattern."""
    if len(text) > LONGEST:
        raise NoPattern(f"it is longer than {LONGEST} characters")
    try:
        return re.compile(text)
    except re.error as error:
        raise NoPattern(error.msg) from None
    except (OverflowError, RecursionError):
        raise NoPattern("it is too large") from None
