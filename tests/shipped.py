"""The real bot in containers of the real image, shipped as config/deploy.yaml says; and people who send voice notes."""

import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shipper
from tests.fakes.telegram import Message, Telegram
from tests.images import IMAGE, ROOT
from tests.integration.waiting import eventually
from tests.machines import Machine
from tests.speech import MODEL, PIECE_SECONDS, voice_note, words

_DESTINATION = "test"
_OVERLAY = """\
image: {image}
build: null
roles:
  bot:
    hosts: ["deploy@{address}"]
    gate: {{ settle: 100ms }}
    env:
      TELEGRAM_API: {url}/as/${{NAME}}
      WHISPER_MODEL: /tiny
      WHISPER_PIECE_SECONDS: {piece_seconds}
      WHISPER_WORKERS: 1
      WHISPER_THREADS: 1
    volumes: ["{volume}:/data", "{model}:/tiny:ro"]
  opsbot: null
secrets:
  OPSBOT_TOKEN: null
  OPSBOT_SSH_KEY: null
retain: 2
"""
_DIGITS = [str(number) for number in range(1000, 10_000, 77)]
_DIGIT_WORDS = {words(str(digit)) for digit in range(10)}


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """Each deploy is another release of the same image, with nothing to build or to ship. Its bot polls by its name."""

    server: Machine
    telegram: Telegram
    folder: Path

    def write_config(self) -> None:
        self.folder.mkdir(exist_ok=True)
        shutil.copytree(ROOT / "config", self.folder / "config")
        overlay = _OVERLAY.format(
            image=IMAGE,
            address=self.server.address,
            url=self.telegram.url,
            piece_seconds=PIECE_SECONDS,
            volume=self.folder.name,
            model=MODEL,
        )
        (self.folder / f"config/deploy.{_DESTINATION}.yaml").write_text(overlay)
        (self.folder / "config/known_hosts").write_text(self.server.host_key + "\n")

    async def deploy(self, name: str) -> None:
        environ = {
            "HOME": str(self.folder),
            "NAME": name,
            "BOT_TOKEN": self.telegram.bot.token,
            "VPS_SSH_KEY": self.server.key.read_text(),
        }
        outcome = await shipper.deploy(shipper.open_project(self.folder, destination=_DESTINATION, environ=environ))
        assert isinstance(outcome, shipper.Deployed), outcome

    def kill(self) -> None:
        """SIGKILL to the one that serves, and to all in its container; Docker starts it again."""
        eventually(lambda: self._process_id() > 0, "a container that runs")  # `kill 0` would be all of us
        before = len(self.telegram.bot.mailbox.polls)
        self.server.run(f"kill -9 {self._process_id() or 'nobody'}")
        eventually(lambda: len(self.telegram.bot.mailbox.polls) > before, "a poll after the kill", within=60)

    def _process_id(self) -> int:
        """0 while Docker is about to start it again."""
        (serving,) = self.containers()
        return int(self.server.engine("GET", f"/containers/{serving['Id']}/json")["State"]["Pid"])

    def containers(self) -> list[dict[str, Any]]:
        return list(self.server.engine("GET", "/containers/json"))

    def logs(self) -> str:
        shown = [self.server.docker("logs", each["Id"]) for each in self.server.engine("GET", "/containers/json?all=1")]
        return "\n".join(each.stdout + each.stderr for each in shown)


@contextmanager
def shipped(server: Machine, folder: Path) -> Iterator[Shipped]:
    with Telegram(address=server.gateway) as telegram:
        made = Shipped(server=server, telegram=telegram, folder=folder)
        made.write_config()
        yield made


@dataclass(frozen=True, kw_only=True)
class VoiceNotes:
    """Of many people: each sends one."""

    telegram: Telegram
    sent: list[Message] = field(default_factory=list)
    choice: random.Random = field(default_factory=lambda: random.Random(1))

    @contextmanager
    def arriving(self, every: float) -> Iterator[None]:
        """One each so many seconds, until the end of the block."""
        ended = threading.Event()

        def send() -> None:
            while not ended.wait(every):
                note = voice_note(self.choice.choice(_DIGITS))
                self.sent.append(self.telegram.add_user().sends_voice(note, duration=3))

        sending = threading.Thread(target=send)
        sending.start()
        try:
            yield
        finally:
            ended.set()
            sending.join()

    def wait_for_more(self, count: int = 3) -> None:
        before = len(self.sent)
        eventually(lambda: len(self.sent) >= before + count, "more voice notes")

    def wait_until_answered(self, within: float = 60.0) -> None:
        eventually(lambda: not self.lost(), "a transcript for every voice note", within=within, every=0.1)

    def lost(self) -> list[Message]:
        return [message for message in self.sent if not _transcripts(message)]

    def doubled(self) -> list[Message]:
        return [message for message in self.sent if len(_transcripts(message)) > 1]

    def orphaned(self) -> list[Message]:
        """Answers that stay without a transcript: their number was not yet written down when the bot was killed."""
        transcripts = {id(found) for message in self.sent for found in _transcripts(message)}
        answers = [answer for message in self.sent for answer in message.chat.answers_to(message)]
        return [answer for answer in answers if id(answer) not in transcripts]


def _transcripts(message: Message) -> list[Message]:
    """The replies that say nothing but digits."""
    return [
        answer for answer in message.chat.answers_to(message) if answer.text and {*answer.text.split()} <= _DIGIT_WORDS
    ]
