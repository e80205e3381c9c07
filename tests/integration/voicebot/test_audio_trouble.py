"""Files that are of no use, and downloads that go wrong: a short kind text, or another try."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from tests.fakes.telegram import DOWNLOAD, Damage, Message, Refusal, Telegram, User
from tests.integration.voicebot.house import HEARD, NOTE, House
from tests.integration.waiting import eventually
from tests.speech import encoded, picture, silence
from voicebot import files
from voicebot.files import NotDownloaded

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")
UNREADABLE = "I cannot read this file: it seems to be damaged, or of a kind that I do not know."
TOO_LONG = "That is too long: I take up to 0.5 minutes."
TOO_LARGE = "That is too large: I take files of up to 20 MB."
Sends = Callable[[User], Message]


def voice(file: bytes, **options: float) -> Sends:
    return lambda person: person.sends_voice(file, **options)


def document(file: bytes, **options: object) -> Sends:
    return lambda person: person.sends_document(file, **options)


@pytest.mark.parametrize(
    ("sends", "answer"),
    [
        pytest.param(voice(b""), UNREADABLE, id="empty"),
        pytest.param(voice(bytes(range(256)) * 20), UNREADABLE, id="corrupt"),
        pytest.param(voice(b"Dear Anna, this is a letter.\n" * 50), UNREADABLE, id="a text named .ogg"),
        pytest.param(document(JPEG, name="cat.jpg"), UNREADABLE, id="a picture that does not say so"),
        pytest.param(lambda person: person.sends_video(picture()), "There is no sound in this file.", id="no sound"),
        pytest.param(voice(encoded(silence(2.0)), duration=2), "I hear no speech in it.", id="silent"),
        pytest.param(voice(encoded(silence(40.0)), duration=3), TOO_LONG, id="longer than it says"),
    ],
)
def test_what_cannot_be_heard_is_answered_with_a_short_text(shared: House, sends: Sends, answer: str) -> None:
    note = sends(shared.telegram.add_user())
    note.chat.wait_for_answer(note, answer)
    shared.becomes_idle()
    assert [message.text for message in note.chat.from_bots] == [answer]


@pytest.mark.parametrize(
    ("sends", "answer"),
    [
        pytest.param(voice(b"RIFF", duration=4 * 3600 + 60), TOO_LONG, id="four hours"),
        pytest.param(document(b"", mime_type="audio/ogg", size=21 << 20), TOO_LARGE, id="21 MB"),
        pytest.param(document(JPEG, mime_type="image/jpeg"), "I understand recordings only", id="a picture"),
    ],
)
def test_what_is_refused_by_what_it_says_of_itself_is_not_downloaded(shared: House, sends: Sends, answer: str) -> None:
    asked = len([call for call in shared.telegram.calls if call.method == "getFile"])
    note = sends(shared.telegram.add_user())
    note.chat.wait_for(answer)
    shared.becomes_idle()
    assert len([call for call in shared.telegram.calls if call.method == "getFile"]) == asked


def test_what_telegram_does_not_give_to_bots_is_too_large(shared: House) -> None:
    shared.telegram.faults.refuse("getFile", Refusal(400, "Bad Request: file is too big"))
    note = shared.somebody_sends()
    note.chat.wait_for_answer(note, TOO_LARGE)


@pytest.mark.parametrize("damage", [Damage.BREAKS, Damage.ENDS_EARLY])
def test_a_download_that_breaks_is_tried_again(shared: House, damage: Damage) -> None:
    shared.telegram.faults.damage_download(damage)
    shared.is_heard(shared.somebody_sends())


@pytest.mark.parametrize("method", ["getFile", DOWNLOAD])
def test_a_link_that_leads_nowhere_is_asked_for_again(shared: House, method: str) -> None:
    rule = shared.telegram.faults.refuse(method, Refusal(404, "Not Found"))
    shared.is_heard(shared.somebody_sends())
    assert rule.calls


async def test_a_download_is_given_up_when_nothing_comes_any_more(
    telegram: Telegram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "STALL_SECONDS", 0.2)
    attachment = telegram.add_user().sends_voice(NOTE).attachment
    assert attachment
    telegram.faults.damage_download(Damage.STALLS)
    session = AiohttpSession(api=TelegramAPIServer.from_base(telegram.url))
    async with Bot(telegram.bot.token, session=session) as bot:
        with pytest.raises(NotDownloaded):
            await files.download(bot, attachment.file.file_id, tmp_path / "recording", largest=1e6)


def test_a_file_that_kills_whoever_opens_it_is_given_up_and_the_owner_is_told(house: House) -> None:
    note = None
    for deaths in range(3):
        bot = house.active()
        note = note or house.somebody_sends(encoded(silence(200.0)), duration=200)
        opened = partial(house.ask, f"SELECT id FROM jobs WHERE attempts = {deaths + 1}")
        eventually(lambda: bool(opened()), "the file opened", within=20, every=0.001)  # noqa: B023 — asked at once
        bot.kill()
    house.active()
    other = house.somebody_sends()
    house.is_heard(other)
    assert note
    note.chat.wait_for_answer(note, "Sorry, that did not work.")
    house.owner.chat.wait_for("failed for good: each process that tried it died")
    house.becomes_idle()
    assert len(note.chat.from_bots) == 1
    assert HEARD in other.chat.last.text
