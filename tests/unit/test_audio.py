"""Sound from all kinds of files, whoever made them and however broken they are."""

import contextlib
import os
import random
import wave
from pathlib import Path

import numpy as np
import pytest
from faster_whisper import decode_audio

from tests import speech
from voicebot import audio

SECONDS = 3.0
KINDS = {
    "ogg": ("ogg", "libopus"),
    "webm": ("webm", "libopus"),
    "m4a": ("mp4", "aac"),
    "mp3": ("mp3", "libmp3lame"),
    "flac": ("flac", "flac"),
    "wav": ("wav", "pcm_s16le"),
    "aac": ("adts", "aac"),
}


@pytest.fixture(scope="module")
def good() -> bytes:
    return speech.encoded(speech.noise(SECONDS))


def decoded(path: Path, max_seconds: float = 60) -> audio.Samples:
    return np.concatenate(list(audio.samples(path, max_seconds=max_seconds)))


def opened_files() -> list[Path]:
    return [Path(link.path).readlink() for link in os.scandir("/proc/self/fd") if Path(link.path).is_symlink()]


def seconds(samples: audio.Samples) -> float:
    return len(samples) / audio.SAMPLE_RATE


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_those_that_faster_whisper_would_have(kind: str, tmp_path: Path) -> None:
    container, codec = KINDS[kind]
    path = tmp_path / "file"
    path.write_bytes(speech.encoded(speech.noise(SECONDS), container=container, codec=codec))
    samples = decoded(path)
    assert np.array_equal(samples, decode_audio(str(path)))
    assert seconds(samples) == pytest.approx(SECONDS, abs=0.1)
    assert audio.duration(path) == pytest.approx(SECONDS, abs=0.1)


def test_sound_of_a_video_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(speech.encoded(speech.noise(SECONDS), container="mp4", codec="aac", with_video=True))
    assert seconds(decoded(path)) == pytest.approx(SECONDS, abs=0.1)


def test_decoding_ends_at_the_limit_whatever_the_sender_said(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "long.ogg"
    path.write_bytes(good)
    blocks = audio.samples(path, max_seconds=2)
    assert seconds(next(blocks)) <= 2
    with pytest.raises(audio.TooLong):
        list(blocks)


def test_a_file_that_was_cut_off_is_heard_up_to_there(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "half.ogg"
    path.write_bytes(good[: len(good) // 2])
    assert seconds(decoded(path)) == pytest.approx(1, abs=0.1)  # Ogg has pages of a second


def test_what_is_corrupt_in_the_middle_is_left_out(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hole.ogg"
    begin, end = len(good) * 4 // 10, len(good) * 5 // 10
    path.write_bytes(good[:begin] + bytes(range(256)) * ((end - begin) // 256 + 1) + good[end:])
    assert 1 < seconds(decoded(path)) < SECONDS


def test_two_recordings_in_one_file_are_both_heard(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "chained.ogg"
    path.write_bytes(good + good)
    assert seconds(decoded(path)) == pytest.approx(2 * SECONDS, abs=0.2)


@pytest.mark.parametrize(
    "content",
    [b"", b"a letter, and no voice message\n" * 100, bytes(100_000), b"OggS" + bytes(range(256)) * 40],
    ids=["empty", "text", "zeros", "corrupt"],
)
def test_what_is_no_recording_is_not_readable(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(audio.NotReadable):
        decoded(path)
    with pytest.raises(audio.NotReadable):
        audio.duration(path)


def test_more_channels_than_can_be_mixed_are_not_readable(tmp_path: Path) -> None:
    path = tmp_path / "many.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((17, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(17 * 2 * 8000))
    with pytest.raises(audio.NotReadable):
        decoded(path)


@pytest.mark.parametrize("kind", ["ogg", "webm", "m4a", "mp3"])
def test_a_damaged_file_is_heard_or_refused(kind: str, tmp_path: Path) -> None:
    container, codec = KINDS[kind]
    good = speech.encoded(speech.noise(1), container=container, codec=codec)
    chance = random.Random(0)
    path = tmp_path / "damaged"
    for largest in (100, 300, len(good)):
        for _ in range(10):
            damaged = bytearray(good)
            for place in chance.sample(range(largest), 5):
                damaged[place] = chance.randrange(256)
            path.write_bytes(damaged)
            with contextlib.suppress(audio.UnusableAudio):
                assert decoded(path).size
                audio.duration(path)


def test_a_video_without_sound_has_no_audio(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    path.write_bytes(speech.picture())
    with pytest.raises(audio.NoAudio):
        decoded(path)


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{other}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{other}'\n",
    ],
    ids=["m3u8", "concat"],
)
@pytest.mark.parametrize("other", ["other.ogg", "{folder}/other.ogg", "http://127.0.0.1:9/other.ogg"])
def test_a_playlist_opens_nothing_else(playlist: str, other: str, good: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.ogg").write_bytes(good)
    path = tmp_path / "list.m3u8"
    path.write_text(playlist.format(other=other.format(folder=tmp_path)))
    with pytest.raises(audio.NotReadable):
        decoded(path)


def test_a_name_that_looks_like_an_address_is_a_file(
    good: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("data:audio,ogg")
    path.write_bytes(good)
    assert seconds(decoded(path)) == pytest.approx(SECONDS, abs=0.1)


def test_a_file_that_is_gone_is_an_error_of_the_machine(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        decoded(tmp_path / "gone.ogg")


def test_ffmpeg_says_nothing_of_its_own(good: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "half.ogg"
    path.write_bytes(good[: len(good) * 2 // 3] + b"rubbish" * 100)
    decoded(path)
    assert capfd.readouterr() == ("", "")


def test_closing_the_stream_closes_the_file(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.ogg"
    path.write_bytes(good)
    blocks = audio.samples(path, max_seconds=60)
    next(blocks)
    assert path in opened_files()
    blocks.close()  # type: ignore[attr-defined]  # a generator, though callers need not know
    assert path not in opened_files()
