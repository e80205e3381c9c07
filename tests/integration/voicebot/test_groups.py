"""In groups the bot does what it is asked for, and keeps quiet otherwise."""

from typing import Any

import pytest

from tests.fakes.telegram import DOWNLOAD, Chat, Message, Telegram, User
from tests.speech import voice_note, words

pytestmark = pytest.mark.usefixtures("bot")


@pytest.fixture
def anna(telegram: Telegram) -> User:
    return telegram.add_user("Anna")


@pytest.fixture
def group(telegram: Telegram) -> Chat:
    return telegram.add_group("Family")


@pytest.fixture
def told(telegram: Telegram, anna: User) -> Message:
    """A recording in the group that nobody asked the bot about."""
    return anna.sends_voice(voice_note("729"), duration=2, chat=telegram.add_group("Family"))


def post(telegram: Telegram, message: Message, **more: Any) -> None:
    """The message once more, as Telegram tells it in special cases."""
    telegram.bot.mailbox.post("message", message.as_json() | more)


@pytest.mark.parametrize("asked", ["/transcribe", "/transcribe@voicebot_bot", "@voicebot_bot please"])
def test_a_recording_is_transcribed_for_whoever_asks_in_a_reply(telegram: Telegram, told: Message, asked: str) -> None:
    boris = telegram.add_user("Boris")
    boris.sends_text(asked, chat=told.chat, reply_to=told)
    told.chat.wait_for_answer(told, words("729"))
    assert len(told.chat.from_bots) == 1


def test_a_recording_is_transcribed_that_names_the_bot_or_answers_it(group: Chat, anna: User) -> None:
    named = anna.sends_audio(voice_note("41"), name="a.ogg", caption="@voicebot_bot", chat=group)
    answer = group.wait_for_answer(named, words("41"))
    sent = anna.sends_voice(voice_note("63"), duration=1, chat=group, reply_to=answer)
    group.wait_for_answer(sent, words("63"))


def test_nothing_else_is_answered(telegram: Telegram, told: Message, anna: User) -> None:
    telegram.bot.sees_all_in_groups = True
    try:
        for text in ("hello", "/start", "/help", "/stats@another_bot", "/frobnicate", "hello @voicebot_bot"):
            anna.sends_text(text, chat=told.chat)
        anna.sends_voice(voice_note("52"), duration=1, chat=told.chat)
        asked = anna.sends_text("/help@voicebot_bot", chat=told.chat)
        told.chat.wait_for_answer(asked, "What I take")
    finally:
        telegram.bot.sees_all_in_groups = False
    assert len(told.chat.from_bots) == 1


def test_who_asks_without_a_recording_is_told_how(group: Chat, anna: User) -> None:
    asked = anna.sends_text("/transcribe", chat=group)
    group.wait_for_answer(asked, "as a reply to a voice message")


@pytest.mark.parametrize("command", ["/settings", "/stats", "/delete"])
def test_what_is_personal_is_told_in_private(group: Chat, anna: User, command: str) -> None:
    asked = anna.sends_text(f"{command}@voicebot_bot", chat=group)
    group.wait_for_answer(asked, "in private, @voicebot_bot")


def test_only_who_asked_can_cancel_and_a_second_press_finds_nothing(telegram: Telegram, told: Message) -> None:
    boris, vera = telegram.add_user("Boris"), telegram.add_user("Vera", "ru")
    with telegram.faults.hold(DOWNLOAD, stage="before") as held:
        sent = boris.sends_voice(voice_note("8853"), duration=2)
        assert held.wait(10)
        boris.sends_audio(voice_note("8854"), name="a.ogg", caption="@voicebot_bot", chat=told.chat)
        answer = told.chat.wait_for("In the queue")
        foreign = vera.clicks("Cancel", answer)
        told.chat.wait_until(lambda: foreign.answer and "только тот" in foreign.answer["text"], "a refusal")
        own, again = boris.clicks("Cancel", answer), boris.clicks("Cancel", answer)
        told.chat.wait_until(lambda: answer.text == "Cancelled.", "the end of it")
        told.chat.wait_until(lambda: again.answer and "over already" in again.answer["text"], "a word about it")
        assert own.answer == {"text": "", "show_alert": False}
        assert answer.labels == []
    boris.chat.wait_for_answer(sent, words("8853"))
    assert answer.text == "Cancelled."


def test_in_a_forum_the_answers_stand_in_the_topic_where_it_was_asked(
    telegram: Telegram, told: Message, anna: User
) -> None:
    asked = Message(chat=told.chat, id=900, sender=anna, versions=told.versions, attachment=told.attachment)
    post(telegram, asked, caption="@voicebot_bot", caption_entities=_mention(), **_topic(7))
    told.chat.wait_for(words("729"))
    post(telegram, asked, message_id=901, text="/help@voicebot_bot", entities=_command(18), voice=None, **_topic(7))
    told.chat.wait_for("What I take")
    sent = [call for call in telegram.calls if call.parameters.number("chat_id") == told.chat.id]
    assert {call.parameters.number("message_thread_id") for call in sent if call.method == "sendMessage"} == {7}


def test_a_thread_of_replies_is_no_topic(telegram: Telegram, told: Message, anna: User) -> None:
    asked = anna.sends_text("/transcribe", chat=told.chat, reply_to=told)
    told.chat.wait_for_answer(told, words("729"))
    post(telegram, asked, message_thread_id=told.id)
    told.chat.wait_until(lambda: len(told.chat.answers_to(told)) == 2, "the second answer")
    sent = [call for call in telegram.calls if call.parameters.number("chat_id") == told.chat.id]
    assert not any(call.parameters.number("message_thread_id") for call in sent)


def test_an_anonymous_admin_is_served_and_anybody_there_may_cancel_what_was_asked_so(
    telegram: Telegram, told: Message, anna: User
) -> None:
    with telegram.faults.hold(DOWNLOAD, stage="before") as held:
        held_by = anna.sends_voice(voice_note("8861"), duration=2)
        assert held.wait(10)
        asked = Message(chat=told.chat, id=900, sender=anna, versions=told.versions, attachment=told.attachment)
        anonymous = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
        voice = told.as_json()["voice"] | {"file_unique_id": "not-heard-yet"}
        admin = {"from": anonymous, "sender_chat": told.chat.as_json(), "voice": voice}
        post(telegram, asked, caption="@voicebot_bot", caption_entities=_mention(), **admin)
        answer = told.chat.wait_for("In the queue")
        anna.clicks("Cancel", answer)
        told.chat.wait_until(lambda: answer.text == "Cancelled.", "the end of it")
    anna.chat.wait_for_answer(held_by, words("8861"))


def test_a_group_that_becomes_a_supergroup_takes_its_answers_along(telegram: Telegram, group: Chat, anna: User) -> None:
    other = telegram.add_group("Family, larger")
    with telegram.faults.hold(DOWNLOAD, stage="before") as held:
        held_by = anna.sends_voice(voice_note("8862"), duration=2)
        assert held.wait(10)
        sent = anna.sends_audio(voice_note("8863"), name="a.ogg", caption="@voicebot_bot", chat=group)
        group.wait_for_answer(sent, "In the queue")
        moved = anna.sends_text("/help@voicebot_bot", chat=group)
        group.wait_for_answer(moved, "What I take")
        post(telegram, moved, text=None, migrate_to_chat_id=other.id)
        asked = anna.sends_text("/help@voicebot_bot", chat=other)
        other.wait_for_answer(asked, "What I take")
    anna.chat.wait_for_answer(held_by, words("8862"))
    other.wait_for(words("8863"))


def test_a_bot_that_is_put_out_of_a_group_says_nothing_there(telegram: Telegram, told: Message, anna: User) -> None:
    member = {"user": telegram.bot.as_json(), "until_date": 0}
    change = {"old_chat_member": {"status": "member", **member}, "new_chat_member": {"status": "kicked", **member}}
    about = {"chat": told.chat.as_json(), "from": anna.as_json(), "date": int(telegram.clock.now())}
    with telegram.faults.hold(DOWNLOAD, stage="before") as held:
        held_by = anna.sends_voice(voice_note("8864"), duration=2)
        assert held.wait(10)
        sent = anna.sends_audio(voice_note("8865"), name="a.ogg", caption="@voicebot_bot", chat=told.chat)
        answer = told.chat.wait_for_answer(sent, "In the queue")
        telegram.bot.mailbox.post("my_chat_member", about | change)
        anna.sends_text("/start")
        anna.chat.wait_for("Send me")
    anna.chat.wait_for_answer(held_by, words("8864"))
    last = anna.sends_voice(voice_note("8866"), duration=2)
    anna.chat.wait_for_answer(last, words("8866"))
    assert "In the queue" in answer.text


def _mention() -> list[dict[str, Any]]:
    return [{"type": "mention", "offset": 0, "length": len("@voicebot_bot")}]


def _command(length: int) -> list[dict[str, Any]]:
    return [{"type": "bot_command", "offset": 0, "length": length}]


def _topic(number: int) -> dict[str, Any]:
    return {"message_thread_id": number, "is_topic_message": True}
