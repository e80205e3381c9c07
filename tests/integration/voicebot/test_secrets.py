"""What must not stand in a log. That the token does not, House.check looks at after every bad day."""

from pathlib import Path

import pytest

from botkit.logs import redact
from tests.bots import BotProcess
from tests.fakes.telegram import Telegram
from tests.voicebots import voicebot

TOKEN = "7000000001:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        f"https://api.telegram.org/bot{TOKEN}/getMe",
        f"404, message='Not Found', url='http://127.0.0.1:8081/file/bot{TOKEN}/voice/1.oga'",
        f"/bot{TOKEN.replace(':', '%3A')}/getMe",
    ],
)
def test_a_token_is_redacted_wherever_it_stands(text: str) -> None:
    redacted = redact(text)
    assert TOKEN.partition(":")[2] not in redacted
    assert "[secret]" in redacted


def test_a_password_of_a_database_that_cannot_be_reached_is_not_told(telegram: Telegram, tmp_path: Path) -> None:
    url = "postgresql://voicebot:geheim@127.0.0.1:1/voicebot"
    with voicebot(telegram, url, tmp_path, "lost", LOG_LEVEL="debug") as bot:
        assert bot.ends() == 3
        assert bot.logged[-1]["level"] == "critical"
        assert "geheim" not in bot.log


def test_what_people_said_can_be_read_by_nobody_else_on_the_machine(bot: BotProcess) -> None:
    files = [*bot.output.parent.glob("voicebot.db*")]
    assert len(files) > 1
    assert not any(file.stat().st_mode & 0o077 for file in files)
