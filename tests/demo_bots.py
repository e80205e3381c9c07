"""A Telegram on this computer with both real bots in it, to be tried in a browser. Run by `make demo-bots`.

voicebot has a model of a megabyte, which knows ten words in English and in Russian: the digits. opsbot deploys a sample
app to a throwaway server on this computer; where there cannot be one, voicebot is there alone.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import shipper
from tests.demo_project import COMMITS, DemoProject
from tests.fakes.telegram.__main__ import furnished, wait_for_ctrl_c
from tests.fakes.telegram.page import TelegramWithPage
from tests.integration.waiting import eventually
from tests.machines import machine, obstacle, prepare

_DATA = Path(__file__).parent / "data"
_NOTES = _DATA / "voice-notes"
_SECONDS_TO_START = 60
_OPSBOT_CONFIG = """\
environments:
  production: {{ approvals: 1 }}
  staging: {{ destination: staging, freeze_after_rollback: false }}
people:
  Anna: {{ id: {anna}, may: admin }}
  Boris: {{ id: {boris}, may: approver }}
  Clara: {{ id: {clara}, may: viewer }}
chats: [{{ id: {team} }}]
watch: {{ every: 5s, chat: {team} }}
"""
_TO_TRY = """
{subjects}

v1 serves in production and in staging. To be tried in the page, where you are whom you choose to be:
1 Anna    /help, /status staging, /logs staging web
2 Anna    /deploy staging {v2}, Confirm, and when it is over: Roll back
3 Anna    /deploy staging {v3}: it does not pass its gate, and what served goes on
4 Anna    /plan staging latest; /lock staging not today, then /deploy staging {v4}; /unlock staging
5 Anna    in the group Team: /deploy production {v2}, which Борис has to approve
6 Clara   /status production; /deploy is not for her, nor are the buttons of others
7 Dora    is a stranger: whatever she writes or presses, there is silence
8 from CI, in another terminal: {ci} deploy {v4}
          its message is in the group Team, where opsbot answers its Roll back. Without a commit it deploys what you
          commit in {checkout}
9 {accident}
          is an accident in production: the group Team is told, until Anna does /restart production web
"""


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell has ignored in what it starts with `&`
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print("starting a Telegram and a voicebot …", flush=True)
    with (
        suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="demo-bots-") as folder,
        furnished(port=0) as telegram,
        _voicebot(telegram, Path(folder)) as voicebot,
        ExitStack() as stack,
    ):
        to_try = _with_opsbot(stack, telegram, Path(folder))
        stack.callback(voicebot.terminate)  # so that it ends while the server does
        _wait_until_it_polls("voicebot", voicebot, telegram)
        anna, boris, *_ = telegram.users
        anna.sends_text("/start")
        anna.sends_voice(_NOTES / "seven-two-nine-four.oga", duration=3)
        boris.sends_voice(_NOTES / "tri-odin-vosem.oga", duration=2)
        print(f"{to_try}\nvoice notes to send are in {_NOTES}\nchat at  {telegram.url}\nCtrl-C ends it\n", flush=True)
        wait_for_ctrl_c()


def _with_opsbot(stack: ExitStack, telegram: TelegramWithPage, folder: Path) -> str:
    """Until the stack is closed. What there is to try; nothing where there can be no server."""
    if problem := obstacle(others={}):
        print(f"{problem}\nSo voicebot is here alone.", flush=True)
        return ""
    prepare(print, others={})
    print("starting a server with an app, and an opsbot that deploys it …", flush=True)
    try:
        server = stack.enter_context(machine("demo"))
    except RuntimeError as error:
        print(f"{error}\nSo voicebot is here alone.", flush=True)
        return ""
    server.run("install -d -m 2770 -g docker /var/lib/shipper")
    bot, team = telegram.named("opsbot"), telegram.groups[0]
    project = DemoProject(folder=folder, server=server, chat=team.id, api=telegram.url, token=bot.token)
    commits = project.create()
    opsbot = stack.enter_context(_opsbot(telegram, project))
    try:
        asyncio.run(project.ship(commits))
    except* shipper.ShipperError as errors:
        sys.exit(f"the app could not be deployed: {errors.exceptions[0]}")
    _wait_until_it_polls("opsbot", opsbot, telegram)
    subjects = "\n".join(f"  {commit[:7]}  {COMMITS[name].subject}" for name, commit in commits.items())
    short = {name: commit[:7] for name, commit in commits.items()}
    return _TO_TRY.format(
        subjects=subjects, ci=project.ci, checkout=project.checkout, accident=project.accident, **short
    )


def _voicebot(telegram: TelegramWithPage, folder: Path) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    settings = {
        "DATABASE_URL": f"sqlite:///{folder}/voicebot.db",
        "TMPDIR": str(folder),
        "WHISPER_MODEL": str(_DATA / "tiny-digits/model"),
        "WHISPER_PIECE_SECONDS": "3",
    }
    return _bot("voicebot", telegram, settings)


def _opsbot(telegram: TelegramWithPage, project: DemoProject) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    people = {name: user.id for name, user in zip(("anna", "boris", "clara"), telegram.users, strict=False)}
    config = project.carried / "config/opsbot.yaml"
    config.write_text(_OPSBOT_CONFIG.format(team=project.chat, **people))
    settings = {
        "DATABASE_URL": f"sqlite:///{project.folder}/opsbot.db",
        "OPSBOT_CONFIG": str(config),
        "OPSBOT_TOKEN": project.token,  # shipper tells the group with it what opsbot deploys
        "PROJECT_FOLDER": str(project.carried),
        "SSH_KEY_FILE": str(project.server.key),
        "TMPDIR": str(project.folder),
    }
    return _bot("opsbot", telegram, settings)


@contextmanager
def _bot(name: str, telegram: TelegramWithPage, settings: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Its log goes to the terminal."""
    telegram_settings = {"BOT_TOKEN": telegram.named(name).token, "TELEGRAM_API": telegram.url, "LOG_FORMAT": "text"}
    environ = {**os.environ, **telegram_settings, **settings}
    # Ctrl-C reaches all of the terminal: in a session of its own the bot is stopped once, by us
    with subprocess.Popen([sys.executable, "-m", name], env=environ, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def _wait_until_it_polls(name: str, process: "subprocess.Popen[bytes]", telegram: TelegramWithPage) -> None:
    mailbox = telegram.named(name).mailbox
    eventually(lambda: mailbox.is_polled or process.poll() is not None, f"the {name}", within=_SECONDS_TO_START)
    if process.poll() is not None:
        sys.exit(f"the {name} could not start: see above")


if __name__ == "__main__":
    main()
