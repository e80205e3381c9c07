"""A Telegram with admins in it, a project, and an opsbot that deploys it to a real server."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bots import BotProcess
from tests.fakes.telegram import Message, Query, Telegram, User
from tests.integration.conftest import Project
from tests.opsbots import opsbot

_PEOPLE = {
    "admin": "{ may: admin, id: %d }",
    "deployer": "{ may: deployer, id: %d }",
    "approver": "{ may: approver, id: %d }",
    "viewer": "{ may: viewer, id: %d }",
}
_CONFIG = """\
environments:
  production: {{ {production} }}
{more}
people:
{people}
limits: {{ commands_per_minute: 600 }}
"""


@dataclass(kw_only=True)
class House:
    telegram: Telegram
    project: Project
    folder: Path
    people: dict[str, User]
    bots: list[BotProcess] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)

    def configure(self, production: str = "", more: str = "") -> None:
        """config/opsbot.yaml: `production` are keys of that environment, `more` what else stands there."""
        people = "\n".join(f"  {name}: {_PEOPLE[name] % user.id}" for name, user in self.people.items())
        self.project.write("config/opsbot.yaml", _CONFIG.format(production=production, more=more, people=people))

    def start(self, **environ: str) -> BotProcess:
        """The next one, which polls as ops1, ops2, …"""
        started = self._opsbot(f"ops{len(self.bots) + 1}", (), **environ)
        self.bots.append(self.stack.enter_context(started))
        return self.bots[-1]

    def run(self, *arguments: str, **environ: str) -> tuple[int, list[str]]:
        """A command of the program, to its end: exit code, and what it said."""
        with self._opsbot("command", arguments, **environ) as process:
            code = process.ends()
            said = process.log
            process.output.unlink()
            return code, said.splitlines()

    def _opsbot(self, name: str, arguments: tuple[str, ...], **environ: str) -> AbstractContextManager[BotProcess]:
        known = {key: self.project.environ[key] for key in ("PATH", "DOCKER_HOST", "SAMPLE_KEY", "USER", "TMPDIR")}
        return opsbot(self.telegram, self.folder, self.project.folder, name, arguments, **known, **environ)

    def active(self, **environ: str) -> BotProcess:
        """One that polls."""
        bot = self.start(**environ)
        bot.becomes("active")
        self.telegram.bot.mailbox.wait_for_poll(f"ops{len(self.bots)}")
        return bot

    def __getitem__(self, name: str) -> User:
        return self.people[name]

    def answer(self, message: Message, text: str, *, within: float = 20) -> Message:
        """The answer to a command, when it says this."""
        try:
            return message.chat.wait_for_answer(message, text, within=within)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told()}") from None

    def presses(self, who: str, label: str, asked: Message, *, within: float = 20) -> Query:
        """The button beneath the answer to a command, once it is there."""
        answers = asked.chat.answers_to

        def shown() -> Message | None:
            return next((found for found in answers(asked) if any(label in text for text in found.labels)), None)

        try:
            answer = asked.chat.wait_until(shown, f"a button {label!r}", within=within)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told()}") from None
        return self.people[who].clicks(label, answer)

    def toast(self, who: str, label: str, asked: Message) -> str:
        """What somebody is told who presses that button."""
        query = self.presses(who, label, asked)
        answer = asked.chat.wait_until(lambda: query.answer, f"an answer to the press of {label!r}")
        return str(answer.get("text", ""))

    def decisions(self) -> list[tuple[str, str, str, str]]:
        """Who decided, what, of what, and why: the oldest first."""
        with closing(sqlite3.connect(self.folder / "opsbot.db")) as database:
            return list(database.execute("SELECT person_name, decision, what, why FROM decisions ORDER BY id"))

    def lets_plans_run_out(self) -> None:
        """As if nobody had confirmed them in time."""
        with closing(sqlite3.connect(self.folder / "opsbot.db")) as database, database:
            database.execute("UPDATE requests SET expires_at = 1 WHERE phase = 'proposed'")

    def told(self) -> str:
        return "\n".join([chat.told() for chat in self.telegram.chats] + [bot.log for bot in self.bots[-2:]])


@contextmanager
def house(project: Project, folder: Path) -> Iterator[House]:
    with Telegram() as telegram, ExitStack() as stack:
        people = {name: telegram.add_user(name.capitalize()) for name in _PEOPLE}
        made = House(telegram=telegram, project=project, folder=folder, people=people, stack=stack)
        made.configure()
        yield made
