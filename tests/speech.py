"""Voice notes for tests: digits that espeak-ng says, as Telegram sends them, and what else people send.

tests/data/tiny-digits/ is the model that hears them. It hears a group of up to five digits at a time, so that notes of
several groups need a small WHISPER_PIECE_SECONDS.
"""

import functools
import io
import subprocess
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias, cast

import av
import numpy as np
import numpy.typing as npt

MODEL = Path(__file__).parent / "data/tiny-digits/model"
PIECE_SECONDS = 3.0
"""So that the model hears one group at a time, if those are of three to five digits."""
Sound: TypeAlias = npt.NDArray[np.int16]
"""RATE samples a second."""
RATE = 22_050  # espeak-ng's

_WORDS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "ru": ("ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять"),
}
_VOICES = {"en": "en-us", "ru": "ru"}


def words(digits: str, language: str = "en") -> str:
    """ "729" → "seven two nine", which is what the model writes."""
    return " ".join(_WORDS[language][int(digit)] for digit in digits)


@functools.cache
def say(digits: str, language: str = "en") -> Sound:
    command = ["espeak-ng", "-v", _VOICES[language], "-s", "140", "--stdout", words(digits, language)]
    with wave.open(io.BytesIO(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)) as said:
        return np.frombuffer(said.readframes(said.getnframes()), np.int16)


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE), np.int16)


def noise(seconds: float) -> Sound:
    return np.random.default_rng(0).normal(0, 600, round(seconds * RATE)).astype(np.int16)


def groups(spoken: Iterable[str], language: str = "en", *, pause: float = 2.0) -> Sound:
    """Digits, with silence before each group and after the last."""
    return np.concatenate(
        [part for each in spoken for part in (silence(pause), say(each, language))] + [silence(pause)]
    )


@functools.cache
def voice_note(digits: str, language: str = "en") -> bytes:
    """One group, as Telegram's apps record it."""
    return encoded(np.concatenate([silence(0.3), say(digits, language), silence(0.3)]))


def encoded(sound: Sound, *, container: str = "ogg", codec: str = "libopus", with_video: bool = False) -> bytes:
    """A file; `with_video` gives it a picture, which comes first."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        picture = output.add_stream("mpeg4", rate=1) if with_video else None
        stream = cast(av.AudioStream, output.add_stream(codec, rate=48_000, layout="mono"))
        stream.bit_rate = 24_000
        if picture:
            for packet in _black(picture):
                output.mux(packet)
        frame = av.AudioFrame.from_ndarray(sound[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=48_000)
        for resampled in [*resampler.resample(frame), *resampler.resample(None), None]:
            output.mux(stream.encode(resampled))
    return file.getvalue()


def picture() -> bytes:
    """A video of one second, without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        for packet in _black(output.add_stream("mpeg4", rate=1)):
            output.mux(packet)
    return file.getvalue()


def _black(stream: av.VideoStream) -> "list[av.Packet[av.VideoStream]]":
    stream.width = stream.height = 64
    picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
    return [*stream.encode(picture), *stream.encode(None)]
