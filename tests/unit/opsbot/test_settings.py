"""What can be set, and what is said when it makes no sense."""

from pathlib import Path

import pytest

from botkit.settings import SettingsError, read
from opsbot.settings import DatabaseSettings, Settings

TOKEN = "123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
SECRET = "fortytwo"


@pytest.fixture(autouse=True)
def nothing_else_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("BOT_TOKEN", TOKEN)


def test_a_token_is_enough() -> None:
    settings = read(Settings)
    assert settings.bot_token.get_secret_value() == TOKEN
    assert (settings.opsbot_config, settings.project_folder) == (Path("config/opsbot.yaml"), Path())
    assert (settings.ssh_key_file, settings.github_token) == (None, None)


def test_a_migration_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOT_TOKEN")
    assert read(DatabaseSettings).database_url.get_secret_value() == "sqlite:///data/opsbot.db"


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", SECRET)
    settings = read(Settings)
    assert settings.github_token
    assert settings.github_token.get_secret_value() == SECRET
    assert SECRET not in repr(settings)
    assert TOKEN not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BOT_TOKEN", SECRET),
        ("TELEGRAM_API", SECRET),
        ("DATABASE_URL", f"postgresql://ann:{SECRET}@db.example/ops"),
        ("DRAIN_SECONDS", "-42000"),
        ("METRICS_PORT", "4200000"),
        ("LOG_LEVEL", SECRET),
        ("LOG_FORMAT", SECRET),
    ],
)
def test_a_mistake_is_told_in_one_line_that_names_the_variable_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"\A{name}: [^\n]+\Z") as caught:
        read(Settings)
    assert SECRET not in str(caught.value)
    assert "42000" not in str(caught.value)
