"""What can be set, and what is said when it makes no sense."""

from pathlib import Path

import pytest

from botkit.settings import SettingsError, read
from voicebot import settings
from voicebot.settings import DatabaseSettings, Settings, WhisperSettings

TOKEN = "123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
SECRET = "fortytwo"


@pytest.fixture(autouse=True)
def nothing_else_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOT_TOKEN", TOKEN)
    for kind in (Settings, WhisperSettings):
        prefix = str(kind.model_config.get("env_prefix") or "")
        for name in set(kind.model_fields) - {"bot_token"}:
            monkeypatch.delenv(f"{prefix}{name}".upper(), raising=False)


def test_a_token_is_enough() -> None:
    of_bot, of_whisper = settings.load()
    assert of_bot.bot_token.get_secret_value() == TOKEN
    assert (of_bot.owner_id, of_bot.allowed_users, of_whisper.model) == (None, frozenset(), "small")


def test_a_migration_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOT_TOKEN")
    assert read(DatabaseSettings).database_url.get_secret_value() == "sqlite:///data/voicebot.db"


def test_what_is_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OWNER_ID", "ALLOWED_USERS", "MAX_MINUTES", "WHISPER_WORKERS", "WHISPER_DEVICE"):
        monkeypatch.setenv(name, "")
    assert settings.load() == (Settings(), WhisperSettings())
    assert Settings().max_minutes == 240


@pytest.mark.parametrize("text", ["1, 22,-333", "1 22 -333", "1,22 , -333,"])
def test_numbers_are_separated_by_commas_or_spaces(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ALLOWED_USERS", text)
    assert Settings().allowed_users == {1, 22, -333}


def test_a_file_in_the_working_folder_sets_what_the_environment_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OWNER_ID=7\nMAX_MINUTES=5\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("MAX_MINUTES", "6")
    assert (Settings().owner_id, Settings().max_minutes) == (7, 6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BOT_TOKEN", SECRET),
        ("OWNER_ID", SECRET),
        ("ALLOWED_USERS", f"1, {SECRET}, @{SECRET}"),
        ("MAX_MINUTES", "-42000"),
        ("LOG_FORMAT", SECRET),
        ("METRICS_PORT", "4200000"),
        ("WHISPER_BEAM_SIZE", SECRET),
        ("WHISPER_DEVICE", SECRET),
        ("TELEGRAM_API", SECRET),
    ],
)
def test_a_mistake_is_told_in_one_line_that_names_the_variable_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"\A{name}: [^\n]+\Z") as caught:
        settings.load()
    assert SECRET not in str(caught.value)
    assert "42000" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOT_TOKEN")
    monkeypatch.setenv("OWNER_ID", "me")
    monkeypatch.setenv("WHISPER_WORKERS", "many")
    with pytest.raises(SettingsError) as caught:
        settings.load()
    names = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert sorted(names) == ["BOT_TOKEN", "OWNER_ID", "WHISPER_WORKERS"]
    assert "BOT_TOKEN: is not set" in str(caught.value)
