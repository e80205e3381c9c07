"""Hearing: faster-whisper, piece by piece. The only module that knows it.

faster-whisper itself holds the whole file in memory, and the features of all of it: 3.3 GB for an hour. Here a file is
a stream. Silero tells where somebody speaks, the stream is cut in silences, and each piece is what Whisper hears at
once. So memory does not grow, progress is real, and what was heard survives a restart.
"""

import math
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import ctranslate2
import faster_whisper
import numpy as np
import numpy.typing as npt
from faster_whisper.audio import pad_or_trim
from faster_whisper.utils import download_model
from faster_whisper.vad import get_vad_model
from huggingface_hub.errors import LocalEntryNotFoundError

from voicebot.audio import SAMPLE_RATE, Samples, samples
from voicebot.cutting import WINDOW, Cut, Cutter
from voicebot.invented import believed
from voicebot.settings import WhisperSettings
from voicebot.transcript import Piece, Segment

_HOTTER = 0.4  # temperature, at each new try: half as many steps as faster-whisper has
_LONGEST_TEXT = 448  # tokens, of prompt and text: what Whisper was made for
_TOKENS_A_SECOND = 15  # the fastest speech in the language with the most tokens; a loop ends here
_TOKENS_ANYHOW = 32
_TOKENS_OF_PROMPT = 4  # beside the hot words
_CONTEXT = 64  # samples of the window before that Silero hears too
_NO_SPEECH, _IMPROBABLE = 0.6, -1.0  # a window that is both is silence, whatever text was made of it


class Stopped(Exception):
    """Whoever wanted to hear it does not any more."""


class ModelError(Exception):
    """The model cannot be had as it is set."""


class Whisper:
    """A model in memory, for `settings.worker_count` threads at once."""

    def __init__(self, settings: WhisperSettings) -> None:
        """Takes seconds, or minutes if the model must be downloaded first. Raises ModelError."""
        self._settings = settings
        self._model = _loaded(settings)
        self._hot_words = settings.hot_words.strip() or None
        hot_words = len(self._model.hf_tokenizer.encode(f" {self._hot_words}").ids) if self._hot_words else 0
        self._most_tokens = _LONGEST_TEXT - _TOKENS_OF_PROMPT - min(hot_words, _LONGEST_TEXT // 2)
        self._warm()

    def transcribe(
        self,
        path: Path,
        *,
        language: str = "",
        translate: bool = False,
        after: float = 0.0,
        max_seconds: float = math.inf,
        stop: threading.Event | None = None,
    ) -> Generator[Piece, None, None]:
        """The pieces of a file, each as soon as it is heard. Blocks: it is for a thread.

        Without a language it is the one that is heard first. `translate`: into English. To go on after a restart,
        `after` is the end of the last piece that there is, and `language` that of the last one that has any.

        Raises UnusableAudio, OSError; and Stopped, within a piece, once `stop` is set. Closing the generator frees all.
        """
        for cut in self._cuts(path, after, max_seconds, stop):
            segments: tuple[Segment, ...] = ()
            if len(cut.samples):
                spoken = language or self._language(cut)
                segments = tuple(self._segments(cut, spoken, translate, stop))
                language = spoken if segments else language
            yield Piece(start=cut.start, end=cut.end, language=language, segments=segments)

    def _cuts(self, path: Path, after: float, max_seconds: float, stop: threading.Event | None) -> Iterator[Cut]:
        settings, seconds = self._settings, 0.0
        cutter = Cutter(piece_seconds=settings.piece_seconds, threshold=settings.vad_threshold, start=after)
        listener = _Listener()
        for block in samples(path, max_seconds=max_seconds):
            _check(stop)
            seconds += len(block) / SAMPLE_RATE
            for window, probability in listener.add(block):
                yield from cutter.add(window, probability)
        for window, probability in listener.end():
            yield from cutter.add(window, probability)
        yield cutter.end(seconds)

    def _language(self, cut: Cut) -> str:
        if not self._model.model.is_multilingual:
            return "en"
        features = self._model.feature_extractor(cut.samples)[:, :-1]
        ((token, _), *_), *_ = self._model.model.detect_language(self._model.encode(pad_or_trim(features)))
        return str(token).strip("<|>")

    def _segments(self, cut: Cut, language: str, translate: bool, stop: threading.Event | None) -> Iterator[Segment]:
        seconds = len(cut.samples) / SAMPLE_RATE
        segments, _ = self._model.transcribe(
            cut.samples,
            language=language,
            task="translate" if translate else "transcribe",
            beam_size=self._settings.beam_size,
            temperature=[_HOTTER * number for number in range(self._settings.retries + 1)],
            condition_on_previous_text=False,  # one mistake would be the model for all that follows
            no_speech_threshold=_NO_SPEECH,
            log_prob_threshold=_IMPROBABLE,
            max_new_tokens=min(self._most_tokens, _TOKENS_ANYHOW + round(seconds * _TOKENS_A_SECOND)),
            hotwords=self._hot_words,
        )
        for segment, text in believed(_unless_stopped(segments, stop)):
            yield Segment(start=cut.moment(segment.start), end=cut.moment(segment.end, is_end=True), text=text)

    def _warm(self) -> None:
        """What is done once is done before somebody waits for it: memory is claimed, Silero loaded."""
        silence = np.zeros(WINDOW, np.float32)
        list(_Listener().add(silence))
        segments, _ = self._model.transcribe(silence, language="en", max_new_tokens=1)
        list(segments)


class _Model(faster_whisper.WhisperModel):  # type: ignore[misc]  # has no types
    """Encodes each piece once: its language is detected first, for which faster-whisper has the encoder run twice.

    For a short note that is a third of all time.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._last = threading.local()

    def encode(self, features: npt.NDArray[np.float32]) -> ctranslate2.StorageView:
        last = self._last
        if not (hasattr(last, "features") and np.array_equal(features, last.features)):
            last.features, last.encoded = features, super().encode(features)
        return last.encoded


class _Listener:
    """Silero over a stream of blocks: for each window, how likely it is that somebody speaks."""

    def __init__(self) -> None:
        self._session = get_vad_model().session  # faster-whisper calls it with a whole file only
        self._memory = np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)
        self._rest = np.zeros(0, np.float32)

    def add(self, block: Samples) -> Iterator[tuple[Samples, float]]:
        block = np.concatenate([self._rest, block])
        whole = len(block) // WINDOW * WINDOW
        self._rest = block[whole:]
        if whole:
            yield from self._hear(block[:whole].reshape(-1, WINDOW))

    def end(self) -> Iterator[tuple[Samples, float]]:
        """The last window, which silence fills."""
        return self.add(np.zeros(-len(self._rest) % WINDOW, np.float32))

    def _hear(self, windows: npt.NDArray[np.float32]) -> Iterator[tuple[Samples, float]]:
        before = np.vstack([self._context, windows[:-1, -_CONTEXT:]])
        self._context = windows[-1, -_CONTEXT:]
        hidden, cell = self._memory
        heard = {"input": np.hstack([before, windows]), "h": hidden, "c": cell}
        probabilities, *self._memory = self._session.run(None, heard)
        return zip(windows, map(float, probabilities), strict=True)


def _loaded(settings: WhisperSettings) -> _Model:
    try:
        return _Model(
            _folder(settings),
            device=settings.device,
            compute_type=settings.compute_type,
            cpu_threads=settings.threads_each,
            num_workers=settings.worker_count,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"{settings.model} cannot be loaded: {error}") from error


def _folder(settings: WhisperSettings) -> str:
    """Of the model, downloaded if need be. What is there already is found without a network."""
    if Path(settings.model).is_dir():
        return settings.model
    if settings.model.startswith(("/", ".", "~")):
        raise ModelError(f"{settings.model} is no folder: WHISPER_MODEL names one, or a model to be downloaded")
    where = {"cache_dir": str(settings.model_folder)}
    with suppress(LocalEntryNotFoundError):
        folder = Path(download_model(settings.model, local_files_only=True, **where))
        if (folder / "model.bin").exists():  # else its download was interrupted
            return str(folder)
    return str(download_model(settings.model, **where))


def _unless_stopped(segments: Iterable[Any], stop: threading.Event | None) -> Iterator[Any]:
    for segment in segments:
        _check(stop)
        yield segment


def _check(stop: threading.Event | None) -> None:
    if stop and stop.is_set():
        raise Stopped
