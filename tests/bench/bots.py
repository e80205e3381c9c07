"""How quick voicebot is where the model is not what is waited for: processes of their own against the fake Telegram."""

import asyncio
import itertools
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from botkit.database import Database, parse
from tests.bench.report import Row
from tests.fakes.telegram import Telegram, User
from tests.integration.waiting import eventually
from tests.speech import voice_note
from tests.storing import add, claimed, request
from tests.voicebots import voicebot
from voicebot.storage.schema import MIGRATIONS

ANSWERS = 15
UPDATES = 5000
PEOPLE = 100
HANDOVERS = 5
QUEUED = 1000


def measure_bots(say: Callable[[str], None]) -> list[Row]:
    with Telegram() as telegram, tempfile.TemporaryDirectory(prefix="voicebot-bench-") as folder:
        say(f"voicebot: {ANSWERS} voice notes, {UPDATES} updates at once, {HANDOVERS} handovers")
        answers, updates = _one_bot(telegram, Path(folder))
        gaps = _handovers(telegram, Path(folder))
        queued, claims = asyncio.run(_queue(Path(folder)))
    return [
        Row(what="voicebot: voice sent to first answer", unit="ms", samples={0.0: answers}, wanted="150"),
        Row(
            what="voicebot: updates taken in, stored and confirmed", unit="1/s", samples={0.0: [updates]}, wanted="500"
        ),
        Row(what=f"voicebot: {QUEUED} recordings of {PEOPLE} people queued", unit="1/s", samples={0.0: [queued]}),
        Row(what="voicebot: … and begun, fair and in order", unit="1/s", samples={0.0: [claims]}),
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


async def _queue(folder: Path) -> tuple[float, float]:
    """Recordings per second that are queued, and that are claimed: each person's in their order, and all in turn."""
    url = parse(f"sqlite:///{folder}/queue.db")
    MIGRATIONS.migrate(url, lambda _: None)
    database = Database(url)
    begun = time.monotonic()
    for person in range(1, PEOPLE + 1):
        await add(database, *(request(person) for _ in range(QUEUED // PEOPLE)))
    queued = time.monotonic()
    order = [await claimed(database) for _ in range(QUEUED)]
    ended = time.monotonic()
    await database.close()
    rounds = [order[at : at + PEOPLE] for at in range(0, QUEUED, PEOPLE)]
    if any({job.user_id for job in each} != {*range(1, PEOPLE + 1)} for each in rounds):
        raise AssertionError("the queue is not fair")
    for person in range(1, PEOPLE + 1):
        theirs = [job.id for job in order if job.user_id == person]
        if theirs != sorted(theirs):
            raise AssertionError("the queue is not in order")
    return QUEUED / (queued - begun), QUEUED / (ended - queued)
