"""Real opsbots, each a process of its own, against the fake Telegram and real servers.

They are forked from a process that has imported all of it once: a start costs two seconds of processor otherwise.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bots import BotProcess, started
from tests.fakes.telegram import Telegram


@contextmanager
def opsbot(
    telegram: Telegram,
    folder: Path,
    project: Path,
    name: str = "ops",
    arguments: tuple[str, ...] = (),
    /,
    **environ: str,
) -> Iterator[BotProcess]:
    """One that is killed at the end of the block if it still runs. Polls as `name`; writes into `folder`."""
    set_ = {
        "BOT_TOKEN": telegram.bot.token,
        "TELEGRAM_API": f"{telegram.url}/as/{name}",
        "DATABASE_URL": f"sqlite:///{folder}/opsbot.db",
        "OPSBOT_CONFIG": str(project / "config/opsbot.yaml"),
        "PROJECT_FOLDER": str(project),
    }
    with started("opsbot", folder, name, set_ | environ, arguments) as process:
        yield process
