"""Where a stream is cut, decided from made-up probabilities of speech; a letter stands for a tenth of a second."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from voicebot.cutting import WINDOW, Cut, Cutter

SECONDS = 0.032


def windows(seconds: float) -> int:
    return round(seconds / SECONDS)


def stream(*parts: tuple[float, float]) -> list[float]:
    """Parts of so many seconds, and how likely speech is in them."""
    return [probability for seconds, probability in parts for _ in range(windows(seconds))]


def cuts(probabilities: list[float], *, piece_seconds: float = 10, start: float = 0.0) -> Iterator[Cut]:
    """Every sample of a window is its number."""
    cutter = Cutter(piece_seconds=piece_seconds, threshold=0.5, start=start)
    for number, probability in enumerate(probabilities):
        yield from cutter.add(np.full(WINDOW, number, np.float32), probability)
    yield cutter.end(len(probabilities) * SECONDS)


def heard(cut: Cut) -> list[int]:
    """The numbers of the windows."""
    return [int(number) for number in cut.samples[::WINDOW]]


SPEECH = stream(
    (4, 0.9), (0.3, 0.05), (3, 0.9), (1, 0.05), (4, 0.9), (20, 0.01), (9, 0.9), (3, 0.6), (70, 0.01), (2, 0.8)
)


def test_what_is_short_is_one_piece() -> None:
    (cut,) = cuts(stream((0.5, 0.1), (3, 0.9), (0.5, 0.1)))
    assert cut.start == 0
    assert cut.end == pytest.approx(4, abs=0.1)
    assert len(heard(cut)) == pytest.approx(windows(3.8), abs=3)


def test_pieces_follow_each_other_without_a_gap() -> None:
    found = list(cuts(SPEECH))
    assert found[0].start == 0
    assert found[-1].end == len(SPEECH) * SECONDS
    assert [cut.start for cut in found[1:]] == [cut.end for cut in found[:-1]]


def test_all_speech_is_heard_once() -> None:
    found = [number for cut in cuts(SPEECH) for number in heard(cut)]
    assert found == sorted(set(found))
    assert {number for number, probability in enumerate(SPEECH) if probability >= 0.5} <= set(found)


def test_no_piece_is_longer_than_is_set() -> None:
    assert max(len(heard(cut)) for cut in cuts(SPEECH + stream((60, 0.9)))) <= windows(10)


def test_silences_are_left_out_but_for_what_ends_a_phrase() -> None:
    (cut,) = cuts(stream((20, 0.01), (2, 0.9), (20, 0.01), (2, 0.9), (20, 0.01)), piece_seconds=30)
    assert len(heard(cut)) == pytest.approx(windows(2 * (0.4 + 2 + 0.4)), abs=4)


def test_short_pauses_stay() -> None:
    (cut,) = cuts(stream((2, 0.9), (0.7, 0.01), (2, 0.9)))
    assert len(heard(cut)) == windows(2) * 2 + windows(0.7)


def test_it_is_cut_in_the_middle_of_the_last_silence() -> None:
    first, _ = cuts(stream((6, 0.9), (0.6, 0.01), (2, 0.9), (0.6, 0.01), (5, 0.9)))
    assert first.end == pytest.approx(8.9, abs=0.1)


def test_a_long_silence_is_a_better_place_than_a_short_one_after_it() -> None:
    first, _ = cuts(stream((6, 0.9), (0.6, 0.01), (2, 0.9), (0.1, 0.01), (5, 0.9)))
    assert first.end == pytest.approx(6.3, abs=0.1)


def test_who_never_pauses_is_cut_where_speech_is_least_likely() -> None:
    first, *_ = cuts(stream((8, 0.9), (0.2, 0.5), (30, 0.9)))
    assert first.end == pytest.approx(8.1, abs=0.3)


def test_a_click_is_not_heard() -> None:
    (cut,) = cuts(stream((3, 0.01), (0.064, 0.9), (3, 0.01)))
    assert heard(cut) == []


def test_long_silence_is_told_minute_by_minute() -> None:
    found = list(cuts(stream((200, 0.01))))
    assert [len(cut.samples) for cut in found] == [0] * 4
    assert max(cut.end - cut.start for cut in found) < 61


def test_speech_before_a_long_silence_does_not_wait_for_more() -> None:
    spoken, *silent = cuts(stream((3, 0.9), (200, 0.01)))
    assert len(heard(spoken)) == windows(3.4)
    assert spoken.end < 65
    assert [heard(cut) for cut in silent] == [[]] * 3


@pytest.mark.parametrize("number", range(len(list(cuts(SPEECH)))))
def test_going_on_at_the_end_of_a_piece_gives_the_same_pieces(number: int) -> None:
    whole = list(cuts(SPEECH))
    rest = list(cuts(SPEECH, start=whole[number].end))
    expected = whole[number + 1 :] or [whole[-1]]
    if whole[number + 1 :]:
        assert [(cut.start, cut.end, heard(cut)) for cut in rest] == [
            (cut.start, cut.end, heard(cut)) for cut in expected
        ]
    else:
        assert [heard(cut) for cut in rest] == [[]]


def test_a_moment_is_found_again_on_both_sides_of_what_was_left_out() -> None:
    (cut,) = cuts(stream((5, 0.01), (2, 0.9), (20, 0.01), (2, 0.9)), piece_seconds=30)
    assert cut.moment(0.4) == pytest.approx(5, abs=0.1)
    assert cut.moment(2.3) == pytest.approx(6.9, abs=0.1)
    assert cut.moment(3.3) == pytest.approx(27.1, abs=0.1)
    assert cut.moment(1000) == cut.end


def test_at_a_gap_an_end_is_before_it_and_a_start_after_it() -> None:
    (cut,) = cuts(stream((2, 0.9), (20, 0.01), (2, 0.9)), piece_seconds=30)
    gap = next(place for place, (one, other) in enumerate(pairwise(heard(cut)), start=1) if other > one + 1)
    assert cut.moment(gap * SECONDS, is_end=True) == pytest.approx(2.4, abs=0.1)
    assert cut.moment(gap * SECONDS) == pytest.approx(21.6, abs=0.1)
