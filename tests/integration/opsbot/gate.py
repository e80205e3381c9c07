"""An opsbot whose only server is a trap: it counts who knocks. For what is to be refused before any server is asked."""

import asyncio
import itertools
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh

import shipper
from botkit.database import Database, parse
from opsbot.command import Command
from opsbot.keys import Keys
from opsbot.storage import messages, requests
from opsbot.storage.messages import Place, View
from opsbot.storage.requests import Phase
from opsbot.verbs import Verb
from opsbot.views.pages import Button, Page, Press
from tests.bots import BotProcess
from tests.fakes.telegram import Chat, Message, Query, Telegram, User
from tests.opsbots import opsbot

COMMIT = "1234567890" * 4
FINGERPRINT = "f1f2f3f4f5f6f7f8"
_DEPLOY = """\
service: gated
image: gated
ssh: {{ user: deploy, key: id_ed25519 }}
roles: {{ web: {{ hosts: ["127.0.0.1:{port}"], publish: ["127.0.0.1:1:1"] }} }}
"""
_CONFIG = """\
environments: {{ production: {{}}, staging: {{ destination: staging }} }}
people:
{people}
chats:
  - {{ id: {group} }}
  - {{ id: {forum}, topic: 7 }}
  - {{ id: {of_staging}, environments: [staging] }}
limits: {{ commands_per_minute: {per_minute} }}
"""


class Trap:
    """Takes connections, counts them, and closes them."""

    def __init__(self) -> None:
        self.knocks = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                self._listening.accept()[0].close()
            except OSError:
                return
            self.knocks += 1

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@dataclass(kw_only=True)
class Gate:
    telegram: Telegram
    folder: Path
    trap: Trap
    deployers: Iterator[User]
    """Each is good for one test: Telegram takes a message a second in a chat."""
    staging_deployer: User
    approver: User
    viewer: User
    stranger: User
    group: Chat
    forum: Chat
    of_staging: Chat
    unlisted: Chat
    keys: Keys
    bot: BotProcess = field(init=False)
    names: dict[int, str] = field(default_factory=dict)

    def propose(
        self, person: User, chat: Chat | None = None, environment: str = "production", expires_in: float = 300
    ) -> Message:
        """A plan of theirs on the screen, with its buttons."""
        place, number = chat or person.chat, next(_numbers)

        async def write() -> None:
            database = Database(parse(self.url))
            async with database.writing() as connection:
                added = await messages.add(connection, Place(chat_id=place.id), View(text="…"), time.time())
                request = await requests.add(
                    connection,
                    Command(verb=Verb.DEPLOY, environment=environment, version=f"{number:040x}"),
                    person_id=person.id,
                    person_name=self.names[person.id],
                    phase=Phase.PROPOSED,
                    message=added,
                    now=time.time(),
                )
                changes: dict[str, Any] = {"fingerprint": FINGERPRINT, "expires_at": time.time() + expires_in}
                await requests.change(connection, request, Phase.PROPOSED, **changes)
                confirm = Button(label="Confirm", press=Press.CONFIRM, about=f"{request.id}.{FINGERPRINT[:8]}")
                cancel = Button(label="Cancel", press=Press.DISMISS, about=str(request.id))
                page = Page(text=f"plan {number}", buttons=((confirm, cancel),))
                view = self.keys.view(page, place.id, environment, datetime.now(UTC))
                await messages.show(connection, added, view)
            await database.close()

        asyncio.run(write())
        self.rouse()
        return place.wait_for(f"plan {number}")

    def rouse(self) -> None:
        """The bot looks at its database when something happens, else once a second."""
        self.telegram.click(self.stranger, self.telegram.bot, Message(**_nowhere(self.stranger)), "")

    def data(self, message: Message, label: str = "Confirm") -> str:
        return next(str(button["callback_data"]) for button in message.buttons if label in button["text"])

    def toast(self, query: Query) -> str:
        """What the bot says to a press."""
        answer = query.message.chat.wait_until(lambda: query.answer, "a toast")
        return str(answer["text"])

    def phase(self, message: Message) -> str:
        chosen = (
            "SELECT phase FROM requests JOIN messages ON messages.id = message WHERE chat_id = ? AND telegram_id = ?"
        )
        ((phase,),) = self.rows(chosen, message.chat.id, message.id)
        return str(phase)

    def refusals(self, person: User) -> list[tuple[str, str, str]]:
        """Environment, what and why, the oldest first."""
        chosen = "SELECT environment, what, why FROM decisions WHERE person_id = ? AND decision = 'refused' ORDER BY id"
        return self.rows(chosen, person.id)

    def requests_of(self, person: User) -> int:
        return len(self.rows("SELECT 1 FROM requests WHERE person_id = ?", person.id))

    def rows(self, statement: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(statement, values).fetchall()

    def heard(self) -> None:
        """Waits until the bot is through with all that was sent so far: it goes one after the other."""
        admin = next(self.deployers)
        admin.chat.wait_for_answer(admin.sends_text("/whoami"))

    def strangers(self) -> list[tuple[int | None, int | None]]:
        """Who was counted, and where."""
        return [(line["user_id"], line["chat_id"]) for line in self.bot.logged if line["event"] == "stranger"]

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/opsbot.db"


_numbers = itertools.count(1)


def _nowhere(user: User) -> dict[str, Any]:
    return {"chat": user.chat, "id": 1, "sender": user, "versions": [user.sends_text("hi").versions[0]]}


@contextmanager
def gate(folder: Path, *, deployers: int, per_minute: int = 600) -> Iterator[Gate]:
    with Telegram() as telegram, closing(Trap()) as trap:
        crowd = [telegram.add_user(f"D{number}") for number in range(deployers)]
        others = {name: telegram.add_user(name.capitalize()) for name in ("approver", "viewer", "stager", "stranger")}
        groups = {name: telegram.add_group(name) for name in ("group", "forum", "of_staging", "unlisted")}
        may = {
            **{f"d{number}": (user, "deployer") for number, user in enumerate(crowd)},
            "approver": (others["approver"], "approver"),
            "viewer": (others["viewer"], "viewer"),
            "stager": (others["stager"], "{ production: viewer, staging: deployer }"),
        }
        people = "\n".join(f"  {name}: {{ id: {user.id}, may: {rank} }}" for name, (user, rank) in may.items())
        numbers = {name: chat.id for name, chat in groups.items() if name != "unlisted"}
        (config := folder / "config").mkdir()
        (config / "deploy.yaml").write_text(_DEPLOY.format(port=trap.port))
        (config / "known_hosts").write_text(f"[127.0.0.1]:{trap.port} ssh-ed25519 {'A' * 68}\n")
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(folder / "id_ed25519")
        (folder / "id_ed25519").chmod(0o600)
        (config / "deploy.staging.yaml").write_text("{}\n")
        (config / "opsbot.yaml").write_text(_CONFIG.format(people=people, per_minute=per_minute, **numbers))
        services = {"production": "gated", "staging": "gated-staging"}
        made = Gate(
            telegram=telegram,
            folder=folder,
            trap=trap,
            deployers=iter(crowd),
            staging_deployer=others["stager"],
            approver=others["approver"],
            viewer=others["viewer"],
            stranger=others["stranger"],
            **groups,
            keys=Keys(shipper.Secret(telegram.bot.token), services),
            names={user.id: name for name, (user, _) in may.items()},
        )
        with opsbot(telegram, folder, folder) as bot:
            made.bot = bot
            bot.becomes("active")
            telegram.bot.mailbox.wait_for_poll("ops")
            yield made
