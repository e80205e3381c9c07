"""What Whisper makes up where nobody speaks, or where it has lost the thread. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

_LOOP = 2.4
"""How much better than usual a text can be compressed that says the same again and again; OpenAI's own figure."""
_REPEATED = re.compile(r"(?P<phrase>\b\S.{0,80}?)(?:[\s,.!?…-]+(?P=phrase)\b){2,}", re.IGNORECASE)
_SILENT, _UNSURE = 0.4, -0.7  # far less than what Whisper itself drops, since these phrases are seldom said
_PHRASES = frozenset(
    {
        "bye",
        "bye bye",
        "like and subscribe",
        "please subscribe",
        "subtitles by the amara org community",
        "thank you",
        "thank you for watching",
        "thank you so much for watching",
        "thank you very much",
        "thanks for watching",
        "you",
        "до новых встреч",
        "подписывайтесь на канал",
        "подписывайтесь на мой канал",
        "продолжение следует",
        "редактор субтитров а семкин корректор а егорова",
        "редактор субтитров а синецкая корректор а егорова",
        "спасибо за внимание",
        "спасибо за просмотр",
        "спасибо за субтитры алексею дубровскому",
        "субтитры добавил dimatorzok",
        "субтитры подогнал симон",
        "субтитры сделал dimatorzok",
        "субтитры создавал dimatorzok",
    }
)
"""What its training data says over silence: the ends of videos, and who made their subtitles."""


class Heard(Protocol):
    """A segment, and how sure the model is of it. Ratio and probability of no speech are those of its window."""

    text: str
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


Segments = TypeVar("Segments", bound=Heard)


def believed(segments: Iterable[Segments]) -> Iterator[tuple[Segments, str]]:
    """Those that were said, each with its text."""
    before = ""
    for segment in segments:
        text = segment.text.strip()
        if segment.compression_ratio > _LOOP:
            text = _REPEATED.sub(r"\g<phrase>", text)
            if text == before:
                continue
        before = text
        if text and not _is_invented(segment):
            yield segment, text


def _is_invented(segment: Heard) -> bool:
    """A phrase that is often made up, of which the model is not sure. Said clearly, "thank you" is one like others."""
    unsure = segment.no_speech_prob > _SILENT or segment.avg_logprob < _UNSURE
    return unsure and " ".join(re.findall(r"\w+", segment.text.casefold())) in _PHRASES
