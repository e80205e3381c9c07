"""A Telegram, a database and bots of their own, for tests that kill bots or hurt what they live on."""

import itertools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bots import BotProcess
from tests.fakes.telegram import Message, Telegram, User
from tests.integration.waiting import eventually
from tests.speech import voice_note, words
from tests.voicebots import voicebot

DIGITS = "7294"
HEARD = words(DIGITS)
NOTE = voice_note(DIGITS)


@dataclass(kw_only=True)
class House:
    telegram: Telegram
    folder: Path
    database: Path
    scratch: Path
    """For the temporary files of all bots: who dies leaves some, and the next one finds them."""
    owner: User
    bots: list[BotProcess] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)
    _lengths: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def start(self, **environ: str) -> BotProcess:
        """The next one, which polls as bot1, bot2, …"""
        name = f"bot{len(self.bots) + 1}"
        settings: Any = {"TMPDIR": str(self.scratch), "LOG_LEVEL": "debug", "OWNER_ID": str(self.owner.id), **environ}
        started = voicebot(self.telegram, f"sqlite:///{self.database}", self.folder, name, **settings)
        self.bots.append(self.stack.enter_context(started))
        return self.bots[-1]

    def active(self, **environ: str) -> BotProcess:
        """One that polls."""
        bot = self.start(**environ)
        bot.becomes("active")
        self.telegram.bot.mailbox.wait_for_poll(f"bot{len(self.bots)}")
        return bot

    def living(self) -> BotProcess:
        """The one that survived, or a new one."""
        return self.bots[-1] if self.bots and self.bots[-1].process.is_alive() else self.active()

    def logs(self, bot: BotProcess, event: str) -> None:
        """Waits for a line of its log."""
        eventually(lambda: f'"event": "{event}"' in bot.log, f"{event}; {self.told()}", within=20)

    def somebody_sends(self, file: bytes | None = None, *, duration: float = 3) -> Message:
        """A note that nobody has sent before, if none is given."""
        return self.telegram.add_user().sends_voice(file or self.new_note(), duration=duration)

    def new_note(self) -> bytes:
        """What differs stands behind the end: all of them say DIGITS."""
        return NOTE + bytes(next(self._lengths))

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """What stands in the database; or changes it."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection, connection:
            return connection.execute(statement).fetchall()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Of the logs of all bots."""
        return [line for bot in self.bots for line in bot.logged if line["event"] == name]

    def is_idle(self) -> bool:
        """Whether nothing is left to be done."""
        unfinished = self.ask(
            "SELECT update_id FROM inbox WHERE state = 'new' UNION ALL SELECT id FROM outbox UNION ALL "
            "SELECT id FROM jobs WHERE state IN ('waiting', 'running')"
        )
        return not unfinished and not self.telegram.bot.mailbox.pending

    def becomes_idle(self, within: float = 30) -> None:
        eventually(self.is_idle, f"a bot with nothing to do; {self.told()}", within=within)

    def told(self) -> str:
        return "\n".join([chat.told() for chat in self.telegram.chats] + [bot.log for bot in self.bots[-2:]])

    def is_heard(self, message: Message, text: str = HEARD, *, within: float = 20) -> None:
        """It becomes this text, and nothing beside it."""
        message.chat.wait_for_answer(message, text, within=within)
        heard = [answer.text for answer in message.chat.answers_to(message) if text in answer.text]
        assert heard == [text], message.chat.told()

    def lost(self) -> list[Message]:
        """Recordings without an answer, though it could be given."""
        return [
            message
            for message in self.telegram.unanswered()
            if message.attachment
            and message.attachment.kind == "voice"
            and message.chat.id not in self.telegram.bot.blocked_by
        ]

    def check(self) -> None:
        """What holds after every bad day."""
        for bot in self.bots:
            if bot.process.is_alive():
                bot.stop()
                assert bot.ends() == 0, bot.log
        log = "".join(bot.log for bot in self.bots)
        for line in log.splitlines():
            assert isinstance(json.loads(line), dict), line
        assert self.telegram.bot.token.partition(":")[2] not in log
        for unexpected in ("Traceback", "never retrieved", "never awaited"):
            assert unexpected not in log, log
        assert not list(self.scratch.iterdir())
        assert not self.lost(), self.told()


@contextmanager
def house(folder: Path, database: Path | None = None) -> Iterator[House]:
    (scratch := folder / "scratch").mkdir(exist_ok=True)
    with Telegram() as telegram:
        owner = telegram.add_user("Olga")
        assert owner.chat.kind == "private"  # she has written to the bot before: it may write to her
        made = House(
            telegram=telegram, folder=folder, database=database or folder / "voicebot.db", scratch=scratch, owner=owner
        )
        with made.stack:
            yield made
            made.check()
