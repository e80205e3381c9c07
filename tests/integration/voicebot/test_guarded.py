"""A bot for some people only, with narrow limits, that Prometheus asks."""

import contextlib
import sqlite3
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bots import BotProcess
from tests.fakes.telegram import DOWNLOAD, Bot, Telegram, User
from tests.integration.waiting import eventually
from tests.singletons import free_port
from tests.speech import voice_note, words
from tests.voicebots import voicebot


@dataclass(frozen=True, kw_only=True)
class Guarded:
    telegram: Telegram
    bot: BotProcess
    owner: User
    friends: tuple[User, ...]
    metrics_port: int
    database: Path

    def metric(self, line: str) -> float:
        """Of a line of /metrics that begins so; 0 if there is none."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics") as answer:
            found = [each for each in answer.read().decode().splitlines() if each.startswith(f"{line} ")]
        return float(found[0].rpartition(" ")[2]) if found else 0.0


def menu_of(person: User, bot: Bot) -> list[str]:
    return [command["command"] for command in person.commands_of(bot)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    with Telegram() as telegram:
        owner = telegram.add_user("Olga", "ru")
        friends = tuple(telegram.add_user(name) for name in ("Anna", "Boris", "Clara", "Dora", "Emil"))
        allowed = ", ".join(str(friend.id) for friend in friends)
        port = free_port()
        with voicebot(
            telegram,
            f"sqlite:///{folder}/voicebot.db",
            folder,
            OWNER_ID=str(owner.id),
            ALLOWED_USERS=allowed,
            METRICS_PORT=str(port),
            MAX_QUEUED_PER_USER="3",
            MAX_QUEUED="4",
            MAX_MINUTES_PER_DAY="10",
        ) as bot:
            bot.becomes("active")
            yield Guarded(
                telegram=telegram,
                bot=bot,
                owner=owner,
                friends=friends,
                metrics_port=port,
                database=folder / "voicebot.db",
            )


def test_a_stranger_is_told_once_with_their_number_and_counted_then(guarded: Guarded) -> None:
    stranger, anna = guarded.telegram.add_user("Mallory"), guarded.friends[0]
    group = guarded.telegram.add_group("Anywhere")
    before = guarded.metric("voicebot_strangers_total")
    stranger.sends_text("/start")
    stranger.chat.wait_for(f"tell the owner your number: {stranger.id}")
    stranger.sends_voice(voice_note("41"))
    stranger.sends_text("/transcribe@voicebot_bot", chat=group)
    asked = anna.sends_text("/help@voicebot_bot", chat=group)
    answer = group.wait_for_answer(asked, "What I take")
    query = guarded.telegram.click(stranger, guarded.telegram.bot, answer, "cancel:1")
    group.wait_until(lambda: query.answer and "owner's people" in query.answer["text"], "a word about it")
    assert len(stranger.chat.from_bots) == 1
    assert group.from_bots == [answer]
    assert guarded.metric("voicebot_strangers_total") == before + 4


def test_limits_are_told_with_their_numbers(guarded: Guarded) -> None:
    telegram, (anna, boris, clara, *_) = guarded.telegram, guarded.friends
    with telegram.faults.hold(DOWNLOAD, stage="before") as held:
        sent = [anna.sends_voice(voice_note("301"), duration=2)]
        assert held.wait(10)
        sent += [anna.sends_voice(voice_note(digits), duration=2) for digits in ("302", "303")]
        fourth = anna.sends_voice(voice_note("304"), duration=2)
        anna.chat.wait_for_answer(fourth, "You have 3 recordings waiting already")
        of_boris = [boris.sends_voice(voice_note(digits), duration=2) for digits in ("311", "312")]
        boris.chat.wait_for_answer(of_boris[1], "In the queue")
        refused = clara.sends_voice(voice_note("321"), duration=2)
        clara.chat.wait_for_answer(refused, "4 recordings are waiting just now")
        eventually(lambda: guarded.metric("voicebot_jobs_waiting") == 4, "4 that wait in the metrics")
        assert guarded.metric("voicebot_oldest_waiting_seconds") > 0
        assert guarded.metric("voicebot_jobs_running") == 1
    for message, digits in zip(sent, ("301", "302", "303"), strict=True):
        anna.chat.wait_for_answer(message, words(digits), within=20)
    boris.chat.wait_for_answer(of_boris[1], words("312"))
    long = clara.sends_voice(voice_note("321"), duration=601)
    clara.chat.wait_for_answer(long, "10 minutes in 24 hours are what one may have, and 10 are left")


def test_who_sends_much_waits_behind_their_own_and_others_see_their_place(guarded: Guarded) -> None:
    telegram, (*_, clara, anna, boris) = guarded.telegram, guarded.friends
    order: list[str] = []
    note_order = telegram.faults.before(
        "editMessageText",
        lambda call: order.extend(w for w in finals if call.parameters.text("text") == w and w not in order),
        times=99,
    )
    finals = [words(digits) for digits in ("401", "402", "403", "411")]
    with telegram.faults.hold(DOWNLOAD, stage="before") as held:
        clara.sends_voice(voice_note("421"), duration=2)
        assert held.wait(10)
        many = [anna.sends_voice(voice_note(digits), duration=5) for digits in ("401", "402", "403")]
        last = anna.chat.wait_for_answer(many[-1], "In the queue: place 3.")
        eventually(lambda: guarded.metric("voicebot_jobs_waiting") == 3, "3 whose places are watched")
        one = boris.sends_voice(voice_note("411"), duration=2)
        boris.chat.wait_for_answer(one, "In the queue: place 2.")
        anna.chat.wait_until(lambda: last.text == "In the queue: place 4.", "the place that moved")
    anna.chat.wait_for_answer(many[-1], words("403"), within=20)
    boris.chat.wait_for_answer(one, words("411"))
    telegram.faults.lift(note_order)
    assert order == [words(digits) for digits in ("401", "411", "402", "403")]


def test_the_owner_sees_what_failed_for_good_and_can_have_it_tried_again(guarded: Guarded) -> None:
    owner, anna = guarded.owner, guarded.friends[0]
    owner.sends_text("/dead")
    owner.chat.wait_for("нет.")
    sent = anna.sends_voice(voice_note("601"), duration=2)
    answer = anna.chat.wait_for_answer(sent, words("601"))
    with contextlib.closing(sqlite3.connect(guarded.database)) as database, database:
        database.execute("DELETE FROM transcripts")
        database.execute(
            "UPDATE jobs SET state = 'failed', error = 'a <strange> one' WHERE id = (SELECT max(id) FROM jobs)"
        )

    owner.sends_text("/dead")
    listed = owner.chat.wait_for("a <strange> one")
    query = owner.clicks("Ещё раз", listed)
    owner.chat.wait_until(lambda: query.answer and query.answer["text"] == "Снова в очереди.", "a word about it")
    with_state = "SELECT state FROM jobs WHERE id = (SELECT max(id) FROM jobs)"
    with contextlib.closing(sqlite3.connect(guarded.database)) as database:
        eventually(lambda: database.execute(with_state).fetchone() == ("done",), "the end of the second try")
    anna.chat.wait_until(lambda: answer.text == words("601"), "the text once more")


def test_what_is_the_owners_nobody_else_knows(guarded: Guarded) -> None:
    owner, anna, bot = guarded.owner, guarded.friends[0], guarded.telegram.bot
    owner.chat.wait_until(lambda: "dead" in menu_of(owner, bot), "the owner's menu")
    assert "dead" not in menu_of(anna, bot)
    asked = anna.sends_text("/dead")
    answer = anna.chat.wait_for("I do not know that command")
    query = guarded.telegram.click(anna, bot, answer, "retry:1")
    anna.chat.wait_until(lambda: query.answer and "another time" in query.answer["text"], "a word about it")
    assert anna.chat.answers_to(asked) == []


def test_the_owners_stats_are_for_everybody(guarded: Guarded) -> None:
    guarded.owner.sends_text("/stats")
    guarded.owner.chat.wait_for("Для всех")


def test_metrics_tell_what_happened(guarded: Guarded) -> None:
    telegram, anna = guarded.telegram, guarded.friends[0]
    done, calls = 'voicebot_jobs_total{outcome="done"}', 'voicebot_calls_total{method="editMessageText",outcome="ok"}'
    limited = 'voicebot_calls_total{method="sendMessage",outcome="TelegramRetryAfter"}'
    before = {line: guarded.metric(line) for line in (done, calls, limited, "voicebot_audio_seconds_total")}
    telegram.faults.limit("sendMessage", 1, chat=anna.chat)
    sent = anna.sends_voice(voice_note("501"), duration=2)
    anna.chat.wait_for_answer(sent, words("501"), within=20)
    eventually(lambda: guarded.metric(done) == before[done] + 1, "one that is done")
    assert guarded.metric(calls) > before[calls]
    assert guarded.metric(limited) == before[limited] + 1
    assert guarded.metric("voicebot_audio_seconds_total") > before["voicebot_audio_seconds_total"]
    assert guarded.metric("voicebot_hearing_seconds_total") > 0
    assert guarded.metric("voicebot_last_poll_timestamp_seconds") > 0
