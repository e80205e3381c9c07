"""python -m voicebot check: true, in a line for each thing, and without secrets."""

from pathlib import Path

import pytest

from botkit.database import parse
from tests.fakes.telegram import Telegram
from tests.voicebots import voicebot
from voicebot.storage.schema import MIGRATIONS


def checked(telegram: Telegram, folder: Path, database_url: str = "", **environ: str) -> tuple[int, list[str]]:
    url = database_url or f"sqlite:///{folder}/voicebot.db"
    with voicebot(telegram, url, folder, arguments=("check",), **environ) as bot:
        code = bot.ends()
        assert telegram.bot.token not in bot.log
        return code, bot.log.splitlines()


def test_what_could_run_is_told_line_by_line_and_nothing_is_made(telegram: Telegram, tmp_path: Path) -> None:
    code, lines = checked(telegram, tmp_path, OWNER_ID="7", ALLOWED_USERS="7, 8, 9")
    assert lines[0] == "✓  settings   for the owner and 2 more; the owner is 7"
    assert lines[1] == f"✓  database   {tmp_path}/voicebot.db will be made"
    assert lines[2].startswith("✓  model      ")
    assert lines[3:] == ["✓  Telegram   @voicebot_bot"]
    assert code == 0
    assert not (tmp_path / "voicebot.db").exists()


def test_a_database_tells_its_revision(telegram: Telegram, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/voicebot.db"
    MIGRATIONS.migrate(parse(url), print)
    code, lines = checked(telegram, tmp_path)
    assert lines[1] == f"✓  database   {tmp_path}/voicebot.db, revision {MIGRATIONS.look(parse(url)).revision}"
    assert code == 0


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"WHISPER_MODEL": "/nowhere"}, "✗  model      /nowhere is no folder"),
        ({"TELEGRAM_API": "http://127.0.0.1:1"}, "✗  Telegram   http://127.0.0.1:1 cannot be reached"),
        ({"BOT_TOKEN": "1:revoked"}, "✗  Telegram   it does not know BOT_TOKEN"),
        ({"DATABASE_URL": "postgresql://me:fortytwo@127.0.0.1:1/bot"}, "✗  database   connection failed"),
        ({"DATABASE_URL": "mysql://me:fortytwo@127.0.0.1:1/bot"}, "✗  database   DATABASE_URL: begins with"),
        (
            {"DATABASE_URL": "sqlite:////etc/hostname/voicebot.db"},
            "✗  database   /etc/hostname/voicebot.db cannot be made",
        ),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_is_looked_at_all_the_same(
    telegram: Telegram, tmp_path: Path, environ: dict[str, str], line: str
) -> None:
    code, lines = checked(telegram, tmp_path, environ.pop("DATABASE_URL", ""), **environ)
    assert len(lines) == 4
    assert [each for each in lines if each.startswith("✗")] == [each for each in lines if each.startswith(line)]
    assert any(each.startswith(line) for each in lines)
    assert "fortytwo" not in "\n".join(lines)
    assert code == 2


def test_settings_that_make_no_sense_are_all_that_is_told(telegram: Telegram, tmp_path: Path) -> None:
    code, lines = checked(telegram, tmp_path, OWNER_ID="me", WHISPER_WORKERS="many")
    assert [line.partition(":")[0] for line in lines] == ["OWNER_ID", "WHISPER_WORKERS"]
    assert code == 2
