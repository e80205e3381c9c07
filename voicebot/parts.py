"""Text in the sizes that Telegram takes. It counts units of UTF-16: most emoji are two."""

import re

_SENTENCE_END = re.compile(
    r"[.!?…؟।][\"'»”’)\]]*\s+"  # the space tells it from the point in 3.5
    r"|[。！？][」』）]*"  # these languages have no spaces
    r"|\n+"
)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def split(text: str, longest: int) -> list[str]:
    """Parts of at most `longest` units, cut after a sentence, else after a word, else anywhere."""
    parts = []
    while units(text) > longest:
        cut = _last_cut(text, len(_beginning(text, longest)))
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*parts, text]


def end_of(text: str, longest: int) -> str:
    """The last words of it, of so many units; none is cut in two if there are any spaces."""
    if units(text) <= longest:
        return text
    end = text.encode("utf-16-le")[-longest * 2 :].decode("utf-16-le", "ignore")
    return f"… {end.partition(' ')[2] or end}"


def _beginning(text: str, longest: int) -> str:
    return text.encode("utf-16-le")[: longest * 2].decode("utf-16-le", "ignore")  # half an emoji is left out


def _last_cut(text: str, most: int) -> int:
    """White space after so many characters does no harm: it is stripped."""
    window = text[: most + 1]
    ends = [match.end() for match in _SENTENCE_END.finditer(window)]
    ends = [end for end in ends if len(window[:end].rstrip()) <= most]
    if ends and ends[-1] > most // 2:
        return ends[-1]
    return window.rfind(" ") + 1 or most
