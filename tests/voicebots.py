"""Real voicebots, each a process of its own, against the fake Telegram."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bots import BotProcess, started
from tests.fakes.telegram import Telegram
from tests.speech import MODEL, PIECE_SECONDS


@contextmanager
def voicebot(
    telegram: Telegram,
    database_url: str,
    folder: Path,
    name: str = "bot",
    *,
    arguments: tuple[str, ...] = (),
    **environ: str,
) -> Iterator[BotProcess]:
    """One that is killed at the end of the block if it still runs. Polls as `name`; writes into that folder."""
    set_ = {
        "BOT_TOKEN": telegram.bot.token,
        "TELEGRAM_API": f"{telegram.url}/as/{name}",
        "DATABASE_URL": database_url,
        "WHISPER_MODEL": str(MODEL),
        "WHISPER_PIECE_SECONDS": str(PIECE_SECONDS),
        "WHISPER_WORKERS": "1",
        "WHISPER_THREADS": "1",
        "ORT_DISABLE_TELEMETRY": "1",  # set by voicebot where it is imported, before the fork
    }
    with started("voicebot", folder, name, set_ | environ, arguments) as process:
        yield process
