"""How quick voicebot is where the model is not what is waited for: processes of their own against the fake Telegram."""

import itertools
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.report import Row
from tests.fakes.telegram import Telegram, User
from tests.integration.waiting import eventually
from tests.speech import voice_note
from tests.voicebots import voicebot

ANSWERS = 15
UPDATES = 5000
PEOPLE = 100
HANDOVERS = 5


def measure_bots(say: Callable[[str], None]) -> list[Row]:
    with Telegram() as telegram, tempfile.TemporaryDirectory(prefix="voicebot-bench-") as folder:
        say(f"voicebot: {ANSWERS} voice notes, {UPDATES} updates at once, {HANDOVERS} handovers")
        answers, updates = _one_bot(telegram, Path(folder))
        gaps = _handovers(telegram, Path(folder))
    return [
        Row(what="voicebot: voice sent to first answer", unit="ms", samples={0.0: answers}, wanted="150"),
        Row(
            what="voicebot: updates taken in, stored and confirmed", unit="1/s", samples={0.0: [updates]}, wanted="500"
        ),
        Row(what="voicebot: handover, last poll to first poll", unit="ms", samples={0.0: gaps}, wanted="100"),
    ]


def _one_bot(telegram: Telegram, folder: Path) -> tuple[list[float], float]:
    people = [telegram.add_user(f"person{number}") for number in range(PEOPLE)]
    with voicebot(telegram, f"sqlite:///{folder}/one.db", folder) as bot:
        bot.becomes("active")
        answers = [_first_answer(person) for person in people[:ANSWERS]]
        confirmed = len(telegram.bot.mailbox.confirmed)
        begun = time.monotonic()
        for person in itertools.islice(itertools.cycle(people), UPDATES):
            person.sends_text("hello")
        wanted = confirmed + UPDATES
        eventually(
            lambda: len(telegram.bot.mailbox.confirmed) >= wanted, "the last confirmation", within=120, every=0.005
        )
        return answers, UPDATES / (time.monotonic() - begun)


def _first_answer(person: User) -> float:
    """Milliseconds."""
    begun = time.monotonic()
    sent = person.sends_voice(voice_note("12"), duration=1)
    eventually(lambda: bool(person.chat.answers_to(sent)), "the first answer", every=0.001)
    passed = time.monotonic() - begun
    person.chat.wait_for_answer(sent, "one two")
    return passed * 1000


def _handovers(telegram: Telegram, folder: Path) -> Sequence[float]:
    """Milliseconds between the end of the old one's last poll and the begin of the new one's first."""
    url = f"sqlite:///{folder}/handovers.db"
    known = len(telegram.bot.mailbox.gaps())
    for number in range(HANDOVERS):
        with voicebot(telegram, url, folder, f"old{number}") as old:
            old.becomes("active")
            telegram.bot.mailbox.wait_for_poll(f"old{number}")
            with voicebot(telegram, url, folder, f"new{number}") as new:
                new.becomes("standby")
                old.stop()
                telegram.bot.mailbox.wait_for_poll(f"new{number}")
    return [gap * 1000 for gap in telegram.bot.mailbox.gaps()[known:]][1::2]
