"""From a voice note to the text in the message that answered it, in both languages and on both databases."""

from pathlib import Path

from tests.fakes.telegram import Telegram, User
from tests.speech import voice_note, words
from tests.voicebots import voicebot


def is_heard(person: User, digits: str, language: str) -> None:
    sent = person.sends_voice(voice_note(digits, language), duration=3)
    answer = person.chat.wait_for_answer(sent, words(digits, language))
    assert person.chat.answers_to(sent) == [answer]


def test_a_voice_note_becomes_text_in_the_message_that_answered_it_also_after_a_handover(
    database_url: str, tmp_path: Path
) -> None:
    with Telegram() as telegram:
        anna, boris = telegram.add_user("Anna", language_code="en"), telegram.add_user("Boris", language_code="ru")
        with voicebot(telegram, database_url, tmp_path, "old") as old:
            old.becomes("active")
            is_heard(anna, "7294", "en")
            is_heard(boris, "318", "ru")
            with voicebot(telegram, database_url, tmp_path, "new") as new:
                new.becomes("standby")
                old.stop()
                new.becomes("active")
                is_heard(anna, "506", "en")
                assert old.ends() == 0
        assert not telegram.bot.mailbox.overlaps
