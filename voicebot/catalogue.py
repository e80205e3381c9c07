"""What the bot says, in the languages that have a file in texts/: one more file is one more language."""

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path

from voicebot.languages import primary

FALLBACK = "en"
_FOLDER = Path(__file__).parent / "texts"


class Texts:
    """All texts of one language. Those that hold {names} are filled in."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, key: str, **values: object) -> str:
        """The text as Telegram's HTML; values must be escaped."""
        return self._texts[key].format(**values)


@functools.cache
def languages() -> dict[str, Texts]:
    """By code, as ISO 639-1 has it: https://core.telegram.org/bots/api#user"""
    files = sorted(_FOLDER.glob("*.toml"))
    return {file.stem: Texts(file.stem, tomllib.loads(file.read_text("utf-8"))) for file in files}


def texts(language_code: str | None) -> Texts:
    """Those of a Telegram user: `pt-br` is `pt`, and what we do not speak is English."""
    known = languages()
    return known.get(primary(language_code), known[FALLBACK])
