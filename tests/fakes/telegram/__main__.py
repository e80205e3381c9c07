"""A Telegram on this computer, with a web page to chat on: `python -m tests.fakes.telegram --port 8081`."""

import argparse
import contextlib
import signal
import sys

from tests.fakes.telegram.page import TelegramWithPage


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.telegram", description=__doc__)
    parser.add_argument("--port", type=int, default=8081, help="0: any that is free")
    try:
        with furnished(parser.parse_args().port) as telegram:
            print(f"chat at {telegram.url}\n\nBots reach it with\n  TELEGRAM_API={telegram.url}")
            for bot in telegram.bots:
                print(f"  BOT_TOKEN={bot.token}   # {bot.first_name}")
            print("\nCtrl-C ends it", flush=True)
            wait_for_ctrl_c()
    except OSError as error:
        sys.exit(f"{error.strerror}: --port=0 takes one that is free")


def wait_for_ctrl_c() -> None:
    """Or for the signal that `kill` sends."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def furnished(port: int) -> TelegramWithPage:
    """With two bots, a few people and a group."""
    telegram = TelegramWithPage(port=port)
    telegram.add_bot("opsbot")
    for name, language_code in (("Anna", "en"), ("Борис", "ru"), ("Clara", "en"), ("Dora", "en")):
        telegram.add_user(name, language_code)
    telegram.add_group("Team")
    return telegram


if __name__ == "__main__":
    main()
