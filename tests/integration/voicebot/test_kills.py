"""SIGKILL at each moment that matters: the next bot on the same database loses nothing, and says nothing twice."""

import itertools
import json
import random
from collections.abc import Callable, Iterator
from typing import Literal

import pytest

from tests.bots import BotProcess
from tests.fakes.telegram import DOWNLOAD, Call
from tests.integration.voicebot.house import HEARD, NOTE, House, house as new_house
from tests.integration.waiting import eventually
from tests.speech import encoded, groups, words

SEED = 6
KILLS = 15
GROUPS = ["72941", "30586", "91827", "46053", "81726", "35409"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Who takes over in one test is killed in the next."""
    with new_house(tmp_path_factory.mktemp("house")) as made:
        yield made


def dies(house: House, bot: BotProcess) -> None:
    """Waits for the kill."""
    eventually(lambda: not bot.process.is_alive(), f"the moment; {house.told()}", within=20)


@pytest.mark.parametrize(
    ("stage", "method"),
    [
        pytest.param("after", "getUpdates", id="while it is given an update"),
        pytest.param("before", "getUpdates", id="when it has stored it, and not yet confirmed it"),
        pytest.param("before", "sendMessage", id="before it answers"),
        pytest.param("before", "getFile", id="when it has begun to transcribe"),
        pytest.param("before", DOWNLOAD, id="while it downloads"),
        pytest.param("before", "editMessageText", id="before it shows progress"),
    ],
)
def test_killed(house: House, stage: Literal["before", "after"], method: str) -> None:
    def kill(call: Call) -> None:
        if method in ("getFile", DOWNLOAD):  # goes on beside the answer, whose window has a test of its own
            eventually(lambda: not house.ask("SELECT id FROM outbox"), "the record of the answer")
        bot.kill()

    bot = house.living()
    getattr(house.telegram.faults, stage)(method, kill)
    note = house.somebody_sends()
    dies(house, bot)
    house.active()
    house.is_heard(note)
    house.becomes_idle()
    assert len(note.chat.from_bots) == 1, note.chat.told()


def test_killed_between_an_answer_and_its_record_it_leaves_an_orphaned_placeholder_and_never_a_second_transcript(
    house: House,
) -> None:
    """The one window that cannot be closed: Telegram has no key by which it would know the second message."""
    bot = house.living()
    house.telegram.faults.after("sendMessage", lambda call: bot.kill())
    note = house.somebody_sends()
    dies(house, bot)
    house.active()
    house.is_heard(note)
    house.becomes_idle()
    orphan, answer = note.chat.answers_to(note)
    assert orphan.texts == ["In the queue: you are next."]
    assert answer.text == HEARD


def test_killed_while_it_answers_from_memory_it_says_the_transcript_once(house: House) -> None:
    bot = house.living()
    house.is_heard(house.somebody_sends(NOTE))
    house.becomes_idle()
    again = house.telegram.add_user()
    house.telegram.faults.after("sendMessage", lambda call: bot.kill(), chat=again.chat)
    note = again.sends_voice(NOTE, duration=3)
    dies(house, bot)
    house.active()
    house.is_heard(note)
    house.becomes_idle()


def test_killed_between_a_part_of_a_long_text_and_its_record_it_repeats_that_part_and_nothing_else(
    house: House,
) -> None:
    bot = house.living()
    first = house.somebody_sends(NOTE)
    house.is_heard(first)
    house.becomes_idle()
    long = " ".join(str(number) for number in range(2000))
    segments = json.dumps([{"start": 0.0, "end": 1.0, "text": long}])
    house.ask(f"UPDATE transcripts SET transcript = json_set(transcript, '$.segments', json('{segments}'))")
    again = house.telegram.add_user()
    house.telegram.faults.after("sendMessage", lambda call: None, chat=again.chat)  # the placeholder
    house.telegram.faults.after("sendMessage", kills(bot, "1500"), chat=again.chat, times=9)
    note = again.sends_voice(NOTE, duration=3)
    dies(house, bot)
    house.active()
    house.becomes_idle()
    texts = [answer.text for answer in again.chat.answers_to(note)]
    once = list(dict.fromkeys(texts))
    assert " ".join(once) == long
    assert len(texts) == len(once) + 1


def test_killed_between_the_final_text_and_its_record_it_says_it_once(house: House) -> None:
    bot = house.living()
    house.telegram.faults.after("editMessageText", kills(bot, HEARD), times=9)
    note = house.somebody_sends()
    dies(house, bot)
    house.active()
    house.becomes_idle()
    (answer,) = note.chat.from_bots
    assert answer.texts.count(HEARD) == 1


def test_killed_in_the_middle_of_a_recording_it_hears_no_finished_piece_again(house: House) -> None:
    bot = house.living()
    note = house.somebody_sends(encoded(groups(GROUPS)), duration=25)
    eventually(lambda: len(house.ask("SELECT number FROM pieces")) >= 2, "two pieces", within=20, every=0.002)
    bot.kill()
    heard = len(house.ask("SELECT number FROM pieces"))
    house.active()
    house.is_heard(note, "\n\n".join(words(group) for group in GROUPS))
    house.becomes_idle()
    assert house.events("begun")[-1]["pieces"] == heard
    assert len(note.chat.from_bots) == 1, note.chat.told()


def test_killed_while_a_recording_is_cancelled_it_stays_cancelled(house: House) -> None:
    bot = house.living()
    with house.telegram.faults.hold(DOWNLOAD, stage="before") as held:
        note = house.somebody_sends()
        answer = note.chat.wait_for_answer(note)
        held.wait(10)
        house.telegram.faults.after("answerCallbackQuery", lambda call: bot.kill())
        person = next(user for user in house.telegram.users if user.chat is note.chat)
        person.clicks("Cancel", answer)
        dies(house, bot)
    house.active()
    note.chat.wait_for_answer(note, "Cancelled.")
    house.becomes_idle()
    assert note.chat.from_bots == [answer]
    assert HEARD not in answer.texts


def test_killed_again_and_again_at_moments_of_chance_under_a_steady_stream_of_notes_it_loses_and_doubles_none(
    house: House,
) -> None:
    chance = random.Random(SEED)
    moments = list(itertools.product(("before", "after"), ("sendMessage", "getFile", DOWNLOAD, "editMessageText")))
    moments.remove(("after", DOWNLOAD))
    notes = []
    for _ in range(KILLS):
        bot = house.living()
        stage, method = chance.choice(moments)
        kill = kills_at(bot, chance.randrange(1, 4))
        rule = getattr(house.telegram.faults, stage)(method, kill, times=100)
        notes += [house.somebody_sends() for _ in range(3)]
        dies(house, bot)
        house.telegram.faults.lift(rule)
    house.active()
    house.becomes_idle(within=60)
    for note in notes:
        house.is_heard(note)


def kills(bot: BotProcess, text: str) -> Callable[[Call], None]:
    """At the call with this text."""

    def act(call: Call) -> None:
        if text in call.parameters.text("text"):
            bot.kill()

    return act


def kills_at(bot: BotProcess, number: int) -> Callable[[Call], None]:
    calls = itertools.count(1)

    def act(call: Call) -> None:
        if next(calls) == number:
            bot.kill()

    return act
