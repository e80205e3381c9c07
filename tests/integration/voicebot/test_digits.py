"""From a voice note to the text in the message that answered it."""

import pytest

from tests.fakes.telegram import Telegram
from tests.speech import voice_note, words
from tests.voicebots import VoiceBot


@pytest.mark.parametrize(("language", "digits"), [("en", "7294"), ("ru", "318")])
def test_a_voice_note_becomes_text_in_the_message_that_answered_it(
    telegram: Telegram, bot: VoiceBot, language: str, digits: str
) -> None:
    person = telegram.add_user(language_code=language)
    sent = person.sends_voice(voice_note(digits, language), duration=3)
    answer = person.chat.wait_for_answer(sent, words(digits, language))
    assert person.chat.answers_to(sent) == [answer]
