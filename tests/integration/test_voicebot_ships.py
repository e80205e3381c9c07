"""The real bot in containers of the real image, while people send voice notes: none is lost, none answered twice.

`make soak` does the same fifty times.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from tests.fakes.telegram import Message
from tests.machines import Machine
from tests.shipped import Shipped, VoiceNotes, shipped

TIMES = 2


@pytest.fixture(scope="module")
async def bot(bots: Machine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shipped]:
    with shipped(bots, tmp_path_factory.mktemp("shipped")) as made:
        await made.deploy("first")
        yield made


@contextmanager
def voice_notes(bot: Shipped) -> Iterator[VoiceNotes]:
    """They arrive as long as the block lasts, and must all be answered then, once, with never two who poll at once."""
    notes = VoiceNotes(telegram=bot.telegram)
    with notes.arriving(every=0.5):
        yield notes
    notes.wait_until_answered()
    assert [told(message) for message in notes.doubled()] == []
    assert bot.telegram.bot.mailbox.overlaps == []


def told(message: Message) -> list[list[str]]:
    """What each answer to it said, one after the other."""
    return [answer.texts for answer in message.chat.answers_to(message)]


async def test_every_voice_note_is_answered_once_over_handovers(bot: Shipped) -> None:
    with voice_notes(bot) as notes:
        for number in range(TIMES):
            await bot.deploy(f"handed-over-{number}")
            notes.wait_for_more()
    pollers = [poll.name for poll in bot.telegram.bot.mailbox.polls]
    assert list(dict.fromkeys(pollers))[-TIMES:] == [f"handed-over-{number}" for number in range(TIMES)]


def test_every_voice_note_is_answered_once_over_kills(bot: Shipped) -> None:
    with voice_notes(bot) as notes:
        for _ in range(TIMES):
            notes.wait_for_more()
            bot.kill()
