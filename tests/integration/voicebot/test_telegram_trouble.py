"""Telegram is away, slow, refuses, limits, is asked by a stranger: nothing is lost, and others go on."""

import threading
import urllib.request
from contextlib import suppress
from urllib.error import HTTPError

import pytest

from tests.fakes.telegram import DOWNLOAD, Call, Message
from tests.integration.voicebot.house import HEARD, House
from tests.integration.waiting import eventually


def test_down_at_the_start_it_is_waited_for(house: House) -> None:
    house.telegram.goes_down()
    bot = house.start()
    house.logs(bot, "telegram_not_reached")
    assert bot.health() == (503, {"state": "starting"})
    house.telegram.comes_back()
    bot.becomes("active")
    house.is_heard(house.somebody_sends())


@pytest.mark.parametrize("method", ["getUpdates", "sendMessage", DOWNLOAD, "editMessageText"])
def test_down_at_work_it_is_waited_for(shared: House, method: str) -> None:
    telegram = shared.telegram
    gone = threading.Event()

    def goes_down(call: Call) -> None:
        telegram.goes_down()
        gone.set()

    telegram.faults.before(method, goes_down)
    note = shared.somebody_sends()
    assert gone.wait(30)
    polls = shared.events("not_received")
    eventually(lambda: len(shared.events("not_received")) > len(polls), "a poll that fails", within=20)
    telegram.comes_back()
    shared.is_heard(note)
    shared.becomes_idle()
    assert len(note.chat.from_bots) == 1


def test_bad_gateways_are_waited_for(shared: House) -> None:
    with shared.telegram.faults.bad_gateway():
        note = shared.somebody_sends()
        failed = len(shared.events("not_received"))
        eventually(lambda: len(shared.events("not_received")) > failed, "a poll that fails", within=20)
    shared.is_heard(note)


def test_a_slow_answer_in_one_chat_holds_up_no_other(shared: House) -> None:
    with shared.telegram.faults.hold("sendMessage", stage="before") as held:
        slow = shared.somebody_sends()
        assert held.wait(10)
        shared.is_heard(shared.somebody_sends())
    shared.is_heard(slow)


def test_chats_that_are_to_be_left_alone_hold_up_no_other(shared: House) -> None:
    """More than there are calls at once."""
    limited = [shared.telegram.add_user() for _ in range(20)]
    rules = [shared.telegram.faults.limit("sendMessage", 3, chat=person.chat) for person in limited]
    notes = [person.sends_voice(shared.new_note(), duration=3) for person in limited]
    eventually(lambda: all(rule.calls for rule in rules), "the limits", within=20)
    free = shared.somebody_sends()
    shared.is_heard(free)
    for note in notes:
        shared.is_heard(note)
        (answer,) = note.chat.from_bots
        assert answer.versions[0].at > free.chat.last.versions[0].at
    calls = [call for call in shared.telegram.calls if call.method == "sendMessage"]
    for person, rule in zip(limited, rules, strict=True):
        refused, again = (call for call in calls if call.parameters.number("chat_id") == person.chat.id)
        assert refused is rule.calls[0]
        assert again.at - refused.at >= 3


def test_a_final_text_that_meets_a_limit_comes_when_it_may(shared: House) -> None:
    person = shared.telegram.add_user()
    rule = shared.telegram.faults.limit("editMessageText", 1, chat=person.chat, times=2)
    note = person.sends_voice(shared.new_note(), duration=3)
    shared.is_heard(note)
    assert len(rule.calls) == 2


def test_a_token_that_is_revoked_at_the_start_ends_it(house: House) -> None:
    house.telegram.bot.is_revoked = True
    bot = house.start()
    assert bot.ends() == 2
    last = bot.logged[-1]
    assert (last["level"], last["event"]) == ("critical", "cannot_run")
    assert "BOT_TOKEN" in last["reason"]


def test_a_token_that_is_revoked_at_work_is_said_and_nothing_is_lost(shared: House) -> None:
    shared.telegram.bot.is_revoked = True
    note = shared.somebody_sends()  # the poll that waits is given it
    eventually(lambda: bool(shared.events("token_refused")), "the complaint", within=20)
    assert shared.events("token_refused")[0]["level"] == "error"
    shared.telegram.bot.is_revoked = False
    shared.is_heard(note, within=40)


def test_a_stranger_who_polls_with_the_same_token_is_said_to_the_owner_once(shared: House) -> None:
    def polls() -> None:
        address = f"{shared.telegram.url}/as/stranger/bot{shared.telegram.bot.token}/getUpdates?timeout=30"
        with suppress(HTTPError), urllib.request.urlopen(address, timeout=60) as answer:
            answer.read()

    notes: list[Message] = []
    for _ in range(2):
        shared.becomes_idle()
        shared.telegram.bot.mailbox.wait_for_poll("bot1")
        complaints = len(shared.events("stranger_polls"))
        stranger = threading.Thread(target=polls)
        stranger.start()
        eventually(lambda: len(shared.events("stranger_polls")) > complaints, "the complaint", within=20)  # noqa: B023
        notes.append(shared.somebody_sends())
        stranger.join()
    for note in notes:
        shared.is_heard(note)
    shared.becomes_idle()
    assert {line["level"] for line in shared.events("stranger_polls")} == {"error"}
    told = [message for message in shared.owner.chat.from_bots if "else polls with my token" in message.text]
    assert len(told) == 1


def test_a_webhook_of_former_times_is_removed_and_nobody_is_accused(shared: House) -> None:
    accused = len(shared.events("stranger_polls"))
    shared.telegram.bot.mailbox.webhook_url = "https://bot.example.org/hook"
    first = shared.somebody_sends()  # the poll that waits is given it
    eventually(lambda: bool(shared.events("webhook_removed")), "the end of the webhook", within=20)
    shared.is_heard(first)
    shared.is_heard(shared.somebody_sends())
    assert len(shared.events("stranger_polls")) == accused


def test_for_who_has_blocked_the_bot_nothing_is_done_any_more(shared: House) -> None:
    person = shared.telegram.add_user()
    with shared.telegram.faults.hold("sendMessage", stage="before", chat=person.chat) as held:
        for _ in range(3):
            person.sends_voice(shared.new_note(), duration=3)
        assert held.wait(20)
        person.blocks(shared.telegram.bot)
    shared.is_heard(shared.somebody_sends())
    shared.becomes_idle()
    assert not person.chat.from_bots


def test_an_answer_that_was_deleted_is_given_anew(shared: House) -> None:
    with shared.telegram.faults.hold(DOWNLOAD, stage="before"):
        note = shared.somebody_sends()
        deleted = note.chat.wait_for_answer(note)
        deleted.is_deleted = True
    shared.is_heard(note)
    shared.becomes_idle()
    (answer,) = note.chat.answers_to(note)
    assert answer is not deleted


def test_a_click_that_is_answered_too_late_has_its_effect(shared: House) -> None:
    with shared.telegram.faults.hold(DOWNLOAD, stage="before"):
        note = shared.somebody_sends()
        answer = note.chat.wait_for_answer(note)
        with shared.telegram.faults.hold("answerCallbackQuery", stage="before") as held:
            person = next(user for user in shared.telegram.users if user.chat is note.chat)
            query = person.clicks("Cancel", answer)
            assert held.wait(10)
            shared.telegram.clock.forward(200)
        note.chat.wait_for_answer(note, "Cancelled.")
    shared.becomes_idle()
    assert query.answer is None
    assert answer.text == "Cancelled."
    assert HEARD not in answer.texts
