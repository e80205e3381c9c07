"""What Whisper makes up is left out, and what was said stays, however odd."""

from dataclasses import dataclass

import pytest

from voicebot.invented import believed


@dataclass
class Heard:
    text: str
    avg_logprob: float = -0.3
    no_speech_prob: float = 0.1
    compression_ratio: float = 1.5


def texts(*segments: Heard) -> list[str]:
    return [text for _, text in believed(segments)]


@pytest.mark.parametrize("phrase", [" Thank you.", " Спасибо за просмотр!", " Субтитры сделал DimaTorzok", " Bye-bye."])
def test_a_well_known_phrase_is_believed_only_of_a_sure_model(phrase: str) -> None:
    assert texts(Heard(phrase)) == [phrase.strip()]
    assert texts(Heard(phrase, no_speech_prob=0.5)) == []
    assert texts(Heard(phrase, avg_logprob=-0.9)) == []


def test_other_phrases_are_believed_of_an_unsure_model_too() -> None:
    assert texts(Heard(" Thank you for the tea.", avg_logprob=-0.9)) == ["Thank you for the tea."]


def test_a_loop_is_there_once() -> None:
    loop = " And then we went home." + " I don't know." * 40
    assert texts(Heard(loop, compression_ratio=9.0)) == ["And then we went home. I don't know."]
    assert texts(Heard(" ха" * 200, compression_ratio=20.0)) == ["ха"]
    assert texts(Heard(" Да, да, да, да!", compression_ratio=2.6)) == ["Да!"]


def test_a_loop_over_several_segments_is_there_once() -> None:
    same = [Heard(" I don't know.", compression_ratio=9.0)] * 5
    assert texts(Heard(" Well.", compression_ratio=9.0), *same) == ["Well.", "I don't know."]


def test_who_repeats_himself_is_quoted() -> None:
    assert texts(Heard(" No, no, no, no!"), Heard(" No."), Heard(" No.")) == ["No, no, no, no!", "No.", "No."]


def test_what_is_empty_is_left_out() -> None:
    assert texts(Heard("  ")) == []
