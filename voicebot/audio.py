"""Any audio or video file, as a stream of samples. It comes from a stranger: what it says of itself is not believed.

The only module that knows FFmpeg, which comes inside PyAV: no program is needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn, TypeAlias

import av
import av.audio.fifo
import av.container
import av.error
import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
Samples: TypeAlias = npt.NDArray[np.float32]
"""One channel, SAMPLE_RATE of them a second, from -1 to 1."""

_GROUP = SAMPLE_RATE  # samples that are resampled at a time: Opus comes in frames of 20 ms
_FORMATS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,gsm,matroska,mov,mp3,mpeg,mpegts,ogg,tta,w64,wav,webm,wv"
"""FFmpeg's demuxers that read one file and nothing else. A playlist would have it open other files and addresses."""


class UnusableAudio(Exception):
    """The file holds nothing that can be transcribed; another try will not help."""


class NotReadable(UnusableAudio):
    """Empty, corrupt from the start, or no audio or video file at all."""


class NoAudio(UnusableAudio):
    """A good file, without sound."""


class TooLong(UnusableAudio):
    """It goes on after the limit."""


def samples(path: Path, *, max_seconds: float) -> Iterator[Samples]:
    """Blocks of about a second. What is corrupt in between is left out. Raises UnusableAudio, OSError.

    Closing the generator closes the file.
    """
    left = max_seconds * SAMPLE_RATE
    with _opened(path) as container:
        block = None
        for block in _resampled(_decoded(container)):
            left -= len(block)
            if left < 0:
                raise TooLong
            yield block
        if block is None:
            raise NotReadable


def duration(path: Path) -> float:
    """Seconds, from the packets and without decoding them: a hundred times quicker, and as true as the file is.

    Raises UnusableAudio, OSError.
    """
    with _opened(path) as container:
        return float(sum(packet.duration * packet.time_base for packet in _packets(container) if packet.duration))


@contextmanager
def _opened(path: Path) -> Iterator[av.container.InputContainer]:
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": ""}
    with path.open("rb") as file:  # a name would be tried as an address first
        try:
            container = av.open(file, mode="r", options=options, metadata_errors="ignore", io_open=_refuse)
        except (av.error.FFmpegError, ValueError) as error:
            raise NotReadable from error
        with container:
            if not container.streams.audio:
                raise NoAudio
            yield container


def _refuse(url: str, *_: object) -> NoReturn:
    raise PermissionError(f"a file wants to open another one: {url}")


def _packets(container: av.container.InputContainer) -> Iterator["av.Packet[av.AudioStream]"]:
    packets = container.demux(container.streams.audio[0])
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):  # an error is where a file was cut off
            return
        yield packet


def _decoded(container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    for packet in _packets(container):
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            continue


def _resampled(frames: Iterator[av.AudioFrame]) -> Iterator[Samples]:
    """A stream may change its rate and its channels on the way: each stretch has a resampler of its own."""
    stretch = None
    for frame in frames:
        if stretch is None or not stretch.fits(frame):
            if stretch:
                yield from stretch.end()
            stretch = _Stretch(frame)
        yield from stretch.add(frame)
    if stretch:
        yield from stretch.end()


class _Stretch:
    """Frames of one format."""

    def __init__(self, first: av.AudioFrame) -> None:
        self._kind = _kind(first)
        self._fifo = av.audio.fifo.AudioFifo()
        # 16 bits, as faster-whisper has it: the same samples give the same text
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)

    def fits(self, frame: av.AudioFrame) -> bool:
        return _kind(frame) == self._kind

    def add(self, frame: av.AudioFrame) -> Iterator[Samples]:
        frame.pts = None  # gaps in the time stamps are not to be filled
        self._fifo.write(frame)
        if self._fifo.samples >= frame.sample_rate * _GROUP // SAMPLE_RATE:
            yield from self._resample(self._fifo.read())

    def end(self) -> Iterator[Samples]:
        if self._fifo.samples:
            yield from self._resample(self._fifo.read())
        yield from self._resample(None)

    def _resample(self, frame: av.AudioFrame | None) -> Iterator[Samples]:
        with suppress(av.error.FFmpegError):  # more channels than it can mix, for one
            for resampled in self._resampler.resample(frame):
                yield resampled.to_ndarray()[0].astype(np.float32) / 32768


def _kind(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate
