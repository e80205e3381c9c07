"""What is said in a file is what comes out: a real model, and real Opus from espeak-ng."""

import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests import speech
from voicebot.audio import NotReadable, TooLong, samples
from voicebot.settings import WhisperSettings
from voicebot.transcript import Piece
from voicebot.whisper import ModelError, Stopped, Whisper

GROUPS = ("7294", "3851", "60713", "29485", "1740")


@pytest.fixture(scope="module")
def whisper() -> Whisper:
    return hearing()


def hearing(**settings: object) -> Whisper:
    defaults = {"model": str(speech.MODEL), "piece_seconds": speech.PIECE_SECONDS, "workers": 1, "threads": 1}
    return Whisper(WhisperSettings.model_validate(defaults | settings))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of several groups."""
    path = tmp_path_factory.mktemp("long") / "voice.ogg"
    path.write_bytes(speech.encoded(speech.groups(GROUPS)))
    return path


@pytest.fixture(scope="module")
def whole(whisper: Whisper, long: Path) -> list[Piece]:
    return list(whisper.transcribe(long))


def saved(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "voice"
    path.write_bytes(content)
    return path


def text(pieces: Sequence[Piece]) -> str:
    return " ".join(segment.text for piece in pieces for segment in piece.segments)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_digits_are_heard_and_their_language_too(language: str, whisper: Whisper, tmp_path: Path) -> None:
    path = saved(tmp_path, speech.voice_note("7294", language))
    (piece,) = whisper.transcribe(path)
    assert (text([piece]), piece.language) == (speech.words("7294", language), language)
    assert piece.start == 0
    assert piece.end == pytest.approx(2.6, abs=0.1)


def test_a_language_may_be_asked_for(whisper: Whisper, tmp_path: Path) -> None:
    (piece,) = whisper.transcribe(saved(tmp_path, speech.voice_note("7294", "ru")), language="ru")
    assert (text([piece]), piece.language) == (speech.words("7294", "ru"), "ru")


def test_russian_can_become_english(whisper: Whisper, tmp_path: Path) -> None:
    (piece,) = whisper.transcribe(saved(tmp_path, speech.voice_note("7294", "ru")), translate=True)
    assert (text([piece]), piece.language) == (speech.words("7294"), "ru")


def test_sound_of_a_video_is_transcribed(whisper: Whisper, tmp_path: Path) -> None:
    sound = speech.groups(["7294"], pause=0.3)
    path = saved(tmp_path, speech.encoded(sound, container="mp4", codec="aac", with_video=True))
    assert text(list(whisper.transcribe(path))) == speech.words("7294")


def test_a_long_file_comes_piece_by_piece(whole: list[Piece]) -> None:
    assert text(whole) == speech.words("".join(GROUPS))
    assert len(whole) == 5
    assert whole[0].start == 0
    assert all(piece.end == following.start for piece, following in pairwise(whole))
    assert {piece.language for piece in whole} == {"en"}


def test_forty_groups_are_heard_in_their_order(whisper: Whisper, tmp_path: Path) -> None:
    spoken = ("318", "40596", "1740", "6352") * 10
    pieces = list(whisper.transcribe(saved(tmp_path, speech.encoded(speech.groups(spoken, "ru", pause=1.0)))))
    assert text(pieces) == speech.words("".join(spoken), "ru")


def test_each_phrase_is_where_it_was_said(whole: list[Piece]) -> None:
    segments = [segment for piece in whole for segment in piece.segments]
    assert all(before.end <= after.start for before, after in pairwise(segments))
    start = 0.0
    for segment, group in zip(segments, GROUPS, strict=True):
        start += 2.0
        assert segment.start == pytest.approx(start, abs=0.6)
        start += len(speech.say(group)) / speech.RATE
        assert segment.end == pytest.approx(start, abs=0.6)


def test_going_on_at_any_border_gives_the_same_text(whisper: Whisper, long: Path, whole: list[Piece]) -> None:
    for number, piece in enumerate(whole[:-1], start=1):
        rest = list(whisper.transcribe(long, after=piece.end, language=piece.language))
        assert rest == whole[number:]


def test_the_first_language_stays(whisper: Whisper, tmp_path: Path) -> None:
    sound = np.concatenate([speech.groups(["3851"]), speech.groups(["7294"], "ru")])
    pieces = list(whisper.transcribe(saved(tmp_path, speech.encoded(sound))))
    assert {piece.language for piece in pieces} == {"en"}


@pytest.mark.parametrize(
    "sound", [speech.silence(5), speech.noise(5), speech.silence(130)], ids=["silence", "noise", "long"]
)
def test_where_nobody_speaks_nothing_is_heard(sound: speech.Sound, whisper: Whisper, tmp_path: Path) -> None:
    pieces = list(whisper.transcribe(saved(tmp_path, speech.encoded(sound))))
    assert text(pieces) == ""
    assert {piece.language for piece in pieces} == {""}
    assert pieces[-1].end == pytest.approx(len(sound) / speech.RATE, abs=0.1)


def test_a_file_that_was_cut_off_is_heard_up_to_there(
    whisper: Whisper, long: Path, whole: list[Piece], tmp_path: Path
) -> None:
    content = long.read_bytes()
    heard = text(list(whisper.transcribe(saved(tmp_path, content[: len(content) // 2]))))
    assert heard
    assert text(whole).startswith(heard[:40])


def test_the_limit_holds_for_what_is_decoded(whisper: Whisper, long: Path) -> None:
    pieces = whisper.transcribe(long, max_seconds=10)
    assert next(pieces).segments
    with pytest.raises(TooLong):
        list(pieces)


def test_what_is_no_recording_is_told(whisper: Whisper, tmp_path: Path) -> None:
    with pytest.raises(NotReadable):
        list(whisper.transcribe(saved(tmp_path, b"not a voice message")))


class AskedOften(threading.Event):
    """Is set when it has been asked so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_it_stops_wherever_it_is(whisper: Whisper, tmp_path: Path) -> None:
    path = saved(tmp_path, speech.voice_note("7294"))
    never = AskedOften(1000)
    assert len(list(whisper.transcribe(path, stop=never))) == 1
    blocks = len(list(samples(path, max_seconds=60)))
    assert 1000 - never.left > blocks  # that is, within the piece too
    for times in range(1000 - never.left):
        with pytest.raises(Stopped):
            list(whisper.transcribe(path, stop=AskedOften(times)))


def test_several_are_heard_at_once(long: Path, whole: list[Piece]) -> None:
    whisper = hearing(workers=2)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda path: list(whisper.transcribe(path)), [long] * 2)) == [whole] * 2


def test_more_hot_words_than_a_prompt_can_hold_do_no_harm(tmp_path: Path) -> None:
    (piece,) = hearing(hot_words="seven " * 500).transcribe(saved(tmp_path, speech.voice_note("7294")))
    assert piece.end == pytest.approx(2.6, abs=0.1)


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.bin"):
        hearing(model=str(tmp_path))


def test_a_model_that_was_downloaded_once_is_found_without_a_network(tmp_path: Path) -> None:
    cache = tmp_path / "models--somebody--digits"  # as huggingface_hub keeps it
    shutil.copytree(speech.MODEL, cache / "snapshots/123abc")
    (cache / "refs").mkdir()
    (cache / "refs/main").write_text("123abc")
    whisper = hearing(model="somebody/digits", model_folder=tmp_path)
    assert text(list(whisper.transcribe(saved(tmp_path, speech.voice_note("7294"))))) == speech.words("7294")
