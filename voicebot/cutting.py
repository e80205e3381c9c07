"""Where audio is cut into pieces: in its silences, as late as is good. Long silences are left out.

What is decided depends on how a piece begins and on the sound, and on nothing before: to go on from the end of a piece
gives the same pieces as never to have stopped.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from voicebot.audio import SAMPLE_RATE, Samples

WINDOW = 512
"""Samples of which Silero tells how likely they are speech: 32 ms."""
_SECONDS = WINDOW / SAMPLE_RATE
_PADDING = round(0.4 / _SECONDS)  # windows around speech that are kept: Whisper needs to hear that a phrase ends
_PAUSE = round(0.5 / _SECONDS)  # a silence of this length is as good a place to cut as any
_HYSTERESIS = 0.15  # speech ends below the threshold less this; Silero's own
_LATENESS = 0.5  # what a cut at the end of a piece is better than one at its beginning, in probability of speech
_LEAST_SPEECH = round(0.1 / _SECONDS)  # windows: what is shorter is a click, of which Whisper would make words
_LONG_SILENCE = round(60 / _SECONDS)  # ends a piece, even one without speech: it is the progress that there is


class _Window(NamedTuple):
    number: int
    probability: float
    is_speech: bool
    samples: Samples


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A stretch of the audio, and what of it is to be heard. Times are seconds from the start of the audio."""

    start: float
    end: float
    samples: Samples
    """Empty if nobody speaks."""
    _moments: npt.NDArray[np.float64]
    """When each window of the samples begins."""

    def moment(self, seconds: float, *, is_end: bool = False) -> float:
        """When in the audio that is what is heard so many seconds after the first sample. An end is before a gap."""
        windows = seconds / _SECONDS
        window = min(max(math.ceil(windows) - 1 if is_end else int(windows), 0), len(self._moments) - 1)
        return min(float(self._moments[window]) + seconds - window * _SECONDS, self.end)


class Cutter:
    """Takes all windows of the audio in their order, also those before `start`, where the first piece begins."""

    def __init__(self, *, piece_seconds: float, threshold: float, start: float = 0.0) -> None:
        self._limit = round(piece_seconds / _SECONDS)
        self._threshold = threshold
        self._start = round(start / _SECONDS)
        self._number = 0
        self._padding_left = 0
        self._was_speech = False
        self._last_speech = 0
        self._silence: deque[_Window] = deque(maxlen=_PADDING)
        self._kept: list[_Window] = []

    def add(self, samples: Samples, probability: float) -> Iterator[Cut]:
        is_speech = probability >= self._threshold - (_HYSTERESIS if self._was_speech else 0)
        window = _Window(self._number, probability, is_speech, samples.copy())
        self._number += 1
        self._was_speech = is_speech
        self._sort(window)
        while len(self._kept) > self._limit:
            place = _best_place(self._kept[: self._limit])
            yield self._cut_before(self._kept[place].number, place)
        if window.number - max(self._start, self._last_speech) >= _LONG_SILENCE:
            yield self._cut_before(self._silence[0].number, len(self._kept))

    def end(self, seconds: float) -> Cut:
        """The last piece, which ends where the audio does."""
        return self._cut(self._kept, seconds)

    def _sort(self, window: _Window) -> None:
        """Is it near to speech, or may it still turn out to be?"""
        if window.is_speech:
            self._keep(*self._silence, window)
            self._silence.clear()
            self._padding_left, self._last_speech = _PADDING, window.number
        elif self._padding_left:
            self._keep(window)
            self._padding_left -= 1
        else:
            self._silence.append(window)

    def _keep(self, *windows: _Window) -> None:
        self._kept += [window for window in windows if window.number >= self._start]

    def _cut_before(self, number: int, count: int) -> Cut:
        """What there is until the window of this number: so many of those that were kept."""
        cut = self._cut(self._kept[:count], number * _SECONDS)
        self._kept, self._start = self._kept[count:], number
        return cut

    def _cut(self, windows: list[_Window], end: float) -> Cut:
        heard = windows if sum(window.is_speech for window in windows) >= _LEAST_SPEECH else []
        return Cut(
            start=self._start * _SECONDS,
            end=end,
            samples=np.concatenate([window.samples for window in heard] or [np.zeros(0, np.float32)]),
            _moments=np.array([window.number * _SECONDS for window in heard]),
        )


def _best_place(windows: list[_Window]) -> int:
    """Before which window to cut: the middle of the longest silence of the second half, rather late than early."""
    probabilities = np.array([window.probability for window in windows])
    padded = np.pad(probabilities, (_PAUSE // 2, _PAUSE - _PAUSE // 2 - 1), mode="edge")
    around = np.convolve(padded, np.full(_PAUSE, 1 / _PAUSE), mode="valid")
    costs = around - _LATENESS * np.arange(len(windows)) / len(windows)
    half = len(windows) // 2
    return half + int(np.argmin(costs[half:]))
