"""A Telegram on this computer with the real voicebot in it, to be tried in a browser. Run by `make demo-bots`.

The bot has a model of a megabyte, which knows ten words in English and in Russian: the digits.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.fakes.telegram import Telegram
from tests.fakes.telegram.__main__ import furnished, wait_for_ctrl_c
from tests.integration.waiting import eventually

_DATA = Path(__file__).parent / "data"
_NOTES = _DATA / "voice-notes"
_SECONDS_TO_START = 60


def main() -> None:
    print("starting a Telegram and a voicebot …", flush=True)
    with (
        contextlib.suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="voicebot-demo-") as folder,
        furnished(port=0) as telegram,
        voicebot(telegram, Path(folder)) as process,
    ):
        mailbox = telegram.bot.mailbox
        eventually(lambda: mailbox.is_polled or process.poll() is not None, "the voicebot", within=_SECONDS_TO_START)
        if process.poll() is not None:
            sys.exit("the voicebot could not start: see above")
        anna, boris = telegram.users
        anna.sends_text("/start")
        anna.sends_voice(_NOTES / "seven-two-nine-four.oga", duration=3)
        boris.sends_voice(_NOTES / "tri-odin-vosem.oga", duration=2)
        print(f"\nchat at  {telegram.url}\nvoice notes to send are in {_NOTES}\nCtrl-C ends it\n", flush=True)
        wait_for_ctrl_c()


@contextlib.contextmanager
def voicebot(telegram: Telegram, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Its database and its temporary files are in that folder; its log goes to the terminal."""
    environ = {
        **os.environ,
        "BOT_TOKEN": telegram.bot.token,
        "TELEGRAM_API": telegram.url,
        "DATABASE_URL": f"sqlite:///{folder}/voicebot.db",
        "LOG_FORMAT": "text",
        "TMPDIR": str(folder),
        "WHISPER_MODEL": str(_DATA / "tiny-digits/model"),
        "WHISPER_PIECE_SECONDS": "3",
    }
    command = [sys.executable, "-m", "voicebot"]
    # Ctrl-C reaches all of the terminal: in a session of its own the bot is stopped once, by us
    with subprocess.Popen(command, env=environ, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
