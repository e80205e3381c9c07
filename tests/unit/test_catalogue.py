"""Every file of texts/ can be used: what a new language must keep to is tested here for all."""

import ast
import re
import string
import tomllib
from pathlib import Path

import pytest

from tests.fakes.telegram.entities import parsed
from voicebot import catalogue, menu
from voicebot.parts import units

FOLDER = Path(catalogue.__file__).parent
TEXTS = {file.stem: tomllib.loads(file.read_text()) for file in sorted((FOLDER / "texts").glob("*.toml"))}
ENGLISH = TEXTS[catalogue.FALLBACK]
LANGUAGES = pytest.mark.parametrize("language", sorted(TEXTS))

TOASTS = {
    "saved",
    "not_yours",
    "nothing_to_cancel",
    "old_button",
    "stranger_toast",
    "retried",
    "too_long",
    "too_large",
    "queue_full",
    "user_queue_full",
    "daily_limit",
}
"""What is said in passing, as the answer to a button."""
PLAIN = {"transcript_file", "automatic", "yes", "no"}
"""What stands where Telegram reads no HTML, beside toasts, buttons and descriptions."""


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def filled(text: str) -> str:
    """With longer values than there will be."""
    return text.format(**dict.fromkeys(names_in(text), "x" * 30))


def is_plain(key: str) -> bool:
    return key in TOASTS | PLAIN or key.startswith(("command_", "setting_")) or key.endswith("_button")


@LANGUAGES
def test_a_language_has_the_keys_of_english_with_the_same_names_in_each(language: str) -> None:
    assert {key: names_in(text) for key, text in TEXTS[language].items()} == {
        key: names_in(text) for key, text in ENGLISH.items()
    }


@LANGUAGES
def test_its_file_is_named_by_a_code_that_telegram_uses(language: str) -> None:
    assert re.fullmatch(r"[a-z]{2}", language)


@LANGUAGES
@pytest.mark.parametrize("key", sorted(ENGLISH))
def test_a_text_is_what_telegram_takes(language: str, key: str) -> None:
    text = filled(TEXTS[language][key])
    assert text == text.strip()
    assert parsed(text, "" if is_plain(key) else "HTML").plain
    if is_plain(key):
        assert not set("<>&") & set(text)
    longest = 256 if key.startswith("command_") else 200 if key in TOASTS else 64 if key.endswith("_button") else 4096
    assert 1 <= units(text) <= longest


@LANGUAGES
def test_the_menus_have_a_description_for_each_command(language: str) -> None:
    offered = {f"command_{name}" for name in (*menu.PRIVATE, *menu.GROUP, *menu.OWNER)}
    assert offered == {key for key in TEXTS[language] if key.startswith("command_")}


def test_no_text_is_left_that_nothing_says() -> None:
    said = {
        node.value
        for file in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {key for key in ENGLISH if not key.startswith("command_")} <= said


@pytest.mark.parametrize(
    ("code", "language"), [("ru", "ru"), ("ru-RU", "ru"), ("en-gb", "en"), ("xx", "en"), ("", "en"), (None, "en")]
)
def test_people_are_spoken_to_in_the_language_of_their_telegram_or_in_english(code: str | None, language: str) -> None:
    assert catalogue.texts(code).language == language
