"""What one person and the bot say to each other."""

import pytest

from tests.bots import BotProcess
from tests.fakes.telegram import DOWNLOAD, Chat, Message, Telegram, User
from tests.speech import encoded, groups, picture, say, silence, voice_note, words

pytestmark = pytest.mark.usefixtures("bot")


@pytest.fixture
def anna(telegram: Telegram) -> User:
    return telegram.add_user("Anna")


def says(chat: Chat, message: Message, text: str) -> None:
    chat.wait_until(lambda: message.text == text, f"the text {text!r}")


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("/start", "Send me a voice message"),
        ("/help", "up to 20 MB and 240 minutes"),
        ("/stats", "0 of your recordings, 0:00 in all"),
        ("/frobnicate", "I do not know that command"),
        ("/dead", "I do not know that command"),
        ("/transcribe", "as a reply to a voice message"),
        ("hello", "I understand recordings only"),
    ],
)
def test_what_is_written_is_answered(anna: User, asked: str, answered: str) -> None:
    anna.sends_text(asked)
    anna.chat.wait_for(answered)
    assert len(anna.chat.from_bots) == 1


def test_the_bot_speaks_russian_to_whose_telegram_does_and_english_to_everybody_else(telegram: Telegram) -> None:
    boris, paulo = telegram.add_user("Boris", "ru"), telegram.add_user("Paulo", "pt-br")
    for person in (boris, paulo):
        person.sends_text("/start")
    boris.chat.wait_for("Пришлите голосовое")
    paulo.chat.wait_for("Send me a voice message")


def test_the_menu_offers_what_can_be_asked_in_private(telegram: Telegram, anna: User) -> None:
    anna.sends_text("/start")
    anna.chat.wait_for("Send me")
    wanted = ["start", "help", "settings", "stats", "delete", "transcribe"]
    anna.chat.wait_until(lambda: wanted == [each["command"] for each in anna.commands_of(telegram.bot)], "the menu")


def test_every_kind_of_recording_is_heard_also_a_forwarded_one(telegram: Telegram, anna: User) -> None:
    """Of somebody else each: a chat is written to once a second."""
    note = voice_note("41")
    video = encoded(say("52"), container="mp4", codec="aac", with_video=True)
    of_audio, of_video, of_video_note, of_ogg, of_name, of_mp4, boris = (telegram.add_user() for _ in range(7))
    sent = [
        (of_audio.sends_audio(note, name="note.ogg"), "41"),
        (of_video.sends_video(video), "52"),
        (of_video_note.sends_video_note(video), "52"),
        (of_ogg.sends_document(note, mime_type="audio/ogg"), "41"),
        (of_name.sends_document(note, name="recording"), "41"),
        (of_mp4.sends_document(video, mime_type="video/mp4"), "52"),
        (anna.forwards(boris.sends_voice(voice_note("63"), duration=2)), "63"),
    ]
    for message, digits in sent:
        message.chat.wait_for_answer(message, words(digits), within=20)


def test_what_has_no_speech_or_no_sound_or_no_sense_is_told_apart(anna: User) -> None:
    silent = anna.sends_voice(encoded(silence(2)), duration=2)
    mute = anna.sends_video(picture())
    broken = anna.sends_voice(b"OggS and no more", duration=3)
    anna.chat.wait_for_answer(silent, "I hear no speech in it.")
    anna.chat.wait_for_answer(mute, "There is no sound in this file.")
    anna.chat.wait_for_answer(broken, "I cannot read this file")


def test_a_document_that_is_no_recording_gets_a_hint_and_pictures_of_an_album_get_none(
    telegram: Telegram, anna: User
) -> None:
    text = anna.sends_document(b"plain", mime_type="text/plain")
    anna.chat.wait_for("I understand recordings only")
    of_album = text.as_json() | {"media_group_id": "7"}
    telegram.bot.mailbox.post("message", of_album)
    pinned = {key: value for key, value in text.as_json().items() if key != "document"}
    telegram.bot.mailbox.post("message", pinned | {"pinned_message": text.as_json()})
    anna.sends_text("/start")
    anna.chat.wait_for("Send me")
    assert len(anna.chat.from_bots) == 2


def test_what_is_too_large_or_too_long_is_refused_at_once_with_the_limit(telegram: Telegram, anna: User) -> None:
    note = voice_note("404")
    large = anna.sends_document(note, mime_type="audio/ogg", size=21 << 20)
    long = anna.sends_voice(note, duration=241 * 60)
    anna.chat.wait_for_answer(large, "up to 20 MB")
    anna.chat.wait_for_answer(long, "up to 240 minutes")


def test_the_answer_stays_one_message_and_ends_without_buttons(anna: User) -> None:
    sent = anna.sends_voice(voice_note("60219"), duration=2)  # that no other test sends: the bot would know it
    answer = anna.chat.wait_for_answer(sent, words("60219"))
    assert anna.chat.answers_to(sent) == [answer]
    assert answer.texts[0] == "In the queue: you are next."
    assert answer.labels == []


def test_text_grows_until_it_is_cancelled_and_the_next_one_is_heard_at_once(anna: User) -> None:
    long = anna.sends_voice(encoded(groups(["7294"] * 80)), duration=325)
    answer = anna.chat.wait_for_answer(long, "In the queue")
    anna.chat.wait_until(lambda: words("7294") in answer.text and answer.text.endswith(" %"), "text that grows")
    anna.clicks("Cancel", answer)
    says(anna.chat, answer, "Cancelled.")
    short = anna.sends_voice(voice_note("18"), duration=1)
    anna.chat.wait_for_answer(short, words("18"))
    assert anna.chat.answers_to(long) == [answer]
    assert (answer.text, answer.labels) == ("Cancelled.", [])


def test_the_same_recording_is_heard_once_and_answered_from_memory_then(telegram: Telegram, anna: User) -> None:
    first = anna.sends_voice(voice_note("8130"), duration=2)
    anna.chat.wait_for_answer(first, words("8130"))
    boris = telegram.add_user("Boris")
    with telegram.faults.hold(DOWNLOAD) as held:
        again = boris.sends_voice(voice_note("8130"), duration=2)
        answer = boris.chat.wait_for_answer(again, words("8130"))
        assert answer.texts == ["Listening …", words("8130")]
        assert not held.is_set()


def test_the_same_recording_sent_while_it_is_being_heard_waits_for_that(telegram: Telegram, anna: User) -> None:
    boris = telegram.add_user("Boris")
    with telegram.faults.hold(DOWNLOAD, stage="before") as held:
        first = anna.sends_voice(voice_note("5310"), duration=2)
        assert held.wait(10)
        second = boris.sends_voice(voice_note("5310"), duration=2)
        boris.chat.wait_for_answer(second, "In the queue")
        downloads = telegram.faults.before(DOWNLOAD, lambda call: None, times=9)
    anna.chat.wait_for_answer(first, words("5310"))
    boris.chat.wait_for_answer(second, words("5310"))
    telegram.faults.lift(downloads)
    assert downloads.calls == []


def test_with_another_language_it_is_heard_anew_and_timestamps_are_only_another_look(
    telegram: Telegram, anna: User
) -> None:
    sent = anna.sends_voice(voice_note("318", "ru"), duration=2)
    anna.chat.wait_for_answer(sent, words("318", "ru"))

    anna.sends_text("/settings")
    settings = anna.chat.wait_for("Settings")
    assert settings.labels == ["Language: automatic", "Timestamps: no", "Translate into English: no"]
    query = anna.clicks("Timestamps", settings)
    anna.chat.wait_until(lambda: "Timestamps: yes" in settings.labels, "the changed setting")
    anna.chat.wait_until(lambda: query.answer and query.answer["text"] == "Saved.", "a word about it")
    asked = anna.sends_text("/transcribe", reply_to=sent)
    anna.chat.wait_for_answer(sent, f"[0:00] {words('318', 'ru')}")
    assert anna.chat.answers_to(asked) == []

    anna.clicks("Translate", settings)
    anna.chat.wait_until(lambda: "Translate into English: yes" in settings.labels, "the changed setting")
    anna.sends_text("/transcribe", reply_to=sent)
    anna.chat.wait_for_answer(sent, f"[0:00] {words('318')}")

    anna.clicks("Language", settings)
    anna.chat.wait_until(lambda: "Русский" in settings.labels, "the languages")
    anna.clicks("Русский", settings)
    anna.chat.wait_until(lambda: "Language: Русский" in settings.labels, "the chosen language")


def test_a_language_that_is_not_the_listeners_own_can_be_put_right_in_the_same_message(
    telegram: Telegram, anna: User
) -> None:
    sent = anna.sends_voice(voice_note("947", "ru"), duration=2)
    answer = anna.chat.wait_for_answer(sent, words("947", "ru"))
    boris = telegram.add_user("Boris")
    refused = boris.clicks("Not Русский?", answer)
    boris.chat.wait_until(lambda: refused.answer and "Only who asked" in refused.answer["text"], "a refusal")

    anna.clicks("Not Русский?", answer)
    anna.chat.wait_until(lambda: "English" in answer.labels, "the languages")
    anna.clicks("English", answer)
    anna.chat.wait_until(lambda: answer.labels == [] and "queue" not in answer.text, "what is heard in English")
    assert anna.chat.answers_to(sent) == [answer]


def test_who_has_chosen_a_language_is_asked_nothing(anna: User) -> None:
    anna.sends_text("/settings")
    settings = anna.chat.wait_for("Settings")
    anna.clicks("Language", settings)
    anna.chat.wait_until(lambda: "Русский" in settings.labels, "the languages")
    anna.clicks("Русский", settings)
    anna.chat.wait_until(lambda: "Language: Русский" in settings.labels, "the chosen language")
    sent = anna.sends_voice(voice_note("264", "ru"), duration=2)
    assert anna.chat.wait_for_answer(sent, words("264", "ru")).labels == []


def test_stats_count_what_was_transcribed(anna: User) -> None:
    sent = anna.sends_voice(voice_note("729"), duration=2)
    anna.chat.wait_for_answer(sent, words("729"))
    anna.sends_text("/stats")
    anna.chat.wait_for("In the last 30 days I transcribed 1 of your recordings, 0:0")


def test_delete_erases_all_and_cancels_what_waits_and_what_runs(telegram: Telegram, anna: User) -> None:
    anna.sends_text("/delete")
    question = anna.chat.wait_for("Erase all")
    anna.clicks("Keep", question)
    says(anna.chat, question, "Nothing was erased.")

    anna.sends_text("/delete")
    question = anna.chat.wait_for("Erase all")
    with telegram.faults.hold(DOWNLOAD, stage="before") as held:
        running = anna.sends_voice(voice_note("6612"), duration=2)
        assert held.wait(10)
        waiting = anna.sends_voice(voice_note("6613"), duration=2)
        answers = [anna.chat.wait_for_answer(sent, "In the queue") for sent in (running, waiting)]
        anna.clicks("Erase", question)
        for answer in answers:
            says(anna.chat, answer, "Cancelled.")
        says(anna.chat, question, "Erased. My messages in our chats are yours to delete.")
    again = anna.sends_voice(voice_note("6613"), duration=2)
    anna.chat.wait_for_answer(again, words("6613"))
    assert [answer.texts[-1] for answer in answers] == ["Cancelled."] * 2
    anna.sends_text("/stats")
    anna.chat.wait_for("1 of your recordings")


def test_a_button_of_another_version_is_answered(telegram: Telegram, bot: BotProcess, anna: User) -> None:
    anna.sends_text("/start")
    query = telegram.click(anna, telegram.bot, anna.chat.wait_for("Send me"), "of-yesterday")
    anna.chat.wait_until(lambda: query.answer and "another time" in query.answer["text"], "a word about it")


def test_who_blocks_the_bot_is_forgotten_by_the_queue_and_served_again_afterwards(
    telegram: Telegram, bot: BotProcess, anna: User
) -> None:
    boris = telegram.add_user("Boris")
    with telegram.faults.hold(DOWNLOAD, stage="before") as held:
        first = boris.sends_voice(voice_note("7051"), duration=2)
        assert held.wait(10)
        sent = anna.sends_voice(voice_note("7052"), duration=2)
        answer = anna.chat.wait_for_answer(sent, "In the queue")
        anna.blocks(telegram.bot)
        anna.unblocks(telegram.bot)
        anna.sends_text("/start")
        anna.chat.wait_for("Send me")
    boris.chat.wait_for_answer(first, words("7051"))
    again = anna.sends_voice(voice_note("41"), duration=2)
    anna.chat.wait_for_answer(again, words("41"))
    assert answer.text == "In the queue: you are next."
    assert "update_failed" not in bot.log
