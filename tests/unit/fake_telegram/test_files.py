"""The Telegram of the tests gives and takes files by the rules of the real one, as aiogram sees them."""

import asyncio
from io import BytesIO

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import BufferedInputFile

from tests.fakes.telegram import DOWNLOAD, Damage, Refusal, Telegram, User

MEGABYTE = 1 << 20
CONTENTS = bytes(range(256)) * 1000


async def downloaded(bot: Bot, file_id: str) -> bytes:
    stream = await bot.download(file_id)
    assert isinstance(stream, BytesIO)
    return stream.read()


@pytest.fixture
def file_id(anna: User) -> str:
    attachment = anna.sends_voice(CONTENTS).attachment
    assert attachment
    return attachment.file.file_id


async def test_a_voice_note_arrives_whole(bot: Bot, anna: User) -> None:
    anna.sends_voice(CONTENTS, duration=3)
    (update,) = await bot.get_updates()
    assert update.message
    voice = update.message.voice
    assert voice
    assert (voice.duration, voice.file_size, voice.mime_type) == (3, len(CONTENTS), "audio/ogg")
    assert await downloaded(bot, voice.file_id) == CONTENTS


async def test_all_kinds_of_files_arrive(bot: Bot, anna: User) -> None:
    anna.sends_audio(b"mp3", duration=3, name="song.mp3", caption="listen")
    anna.sends_video(b"mp4", duration=3)
    anna.sends_video_note(b"mp4", duration=3)
    anna.sends_document(b"wav", name="a.wav", mime_type="audio/wav")
    anna.forwards(anna.sends_voice(b"ogg"))
    messages = [update.message for update in await bot.get_updates() if update.message]
    assert [message.content_type for message in messages] == [
        "audio",
        "video",
        "video_note",
        "document",
        "voice",
        "voice",
    ]
    assert messages[0].caption == "listen"
    assert messages[-1].forward_origin


async def test_the_same_contents_have_one_unique_id_and_each_sending_a_file_id(bot: Bot, anna: User) -> None:
    anna.sends_voice(b"ogg")
    anna.sends_voice(b"ogg")
    voices = [update.message.voice for update in await bot.get_updates() if update.message]
    assert len({voice.file_unique_id for voice in voices if voice}) == 1
    assert len({voice.file_id for voice in voices if voice}) == 2


async def test_bots_get_files_of_at_most_20_megabytes(bot: Bot, anna: User) -> None:
    anna.sends_voice(b"ogg", size=20 * MEGABYTE)
    anna.sends_voice(b"ogg", size=20 * MEGABYTE + 1)
    largest, larger = [update.message.voice for update in await bot.get_updates() if update.message]
    assert largest
    assert larger
    await bot.get_file(largest.file_id)
    with pytest.raises(TelegramBadRequest, match="file is too big"):
        await bot.get_file(larger.file_id)


async def test_a_link_expires_after_an_hour(bot: Bot, telegram: Telegram, file_id: str) -> None:
    path = (await bot.get_file(file_id)).file_path
    assert path
    telegram.clock.forward(3600)
    with pytest.raises(aiohttp.ClientResponseError, match="404"):
        await bot.download_file(path)
    assert await downloaded(bot, file_id) == CONTENTS


async def test_a_download_breaks_in_the_middle(bot: Bot, telegram: Telegram, file_id: str) -> None:
    telegram.faults.damage_download(Damage.BREAKS)
    with pytest.raises(aiohttp.ClientPayloadError):
        await downloaded(bot, file_id)
    assert await downloaded(bot, file_id) == CONTENTS


async def test_a_download_ends_early_and_claims_to_be_whole(bot: Bot, telegram: Telegram, file_id: str) -> None:
    telegram.faults.damage_download(Damage.ENDS_EARLY)
    assert await downloaded(bot, file_id) == CONTENTS[: len(CONTENTS) // 2]


async def test_a_download_stalls(bot: Bot, telegram: Telegram, file_id: str) -> None:
    telegram.faults.damage_download(Damage.STALLS)
    path, received, half = (await bot.get_file(file_id)).file_path, 0, asyncio.Event()
    assert path

    async def download() -> None:
        nonlocal received
        async for chunk in bot.session.stream_content(bot.session.api.file_url(bot.token, path)):
            received += len(chunk)
            if received == len(CONTENTS) // 2:
                half.set()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(download())
        await half.wait()
        task.cancel()
    assert received == len(CONTENTS) // 2


async def test_a_download_is_refused(bot: Bot, telegram: Telegram, file_id: str) -> None:
    telegram.faults.refuse(DOWNLOAD, Refusal(404, "Not Found"))
    with pytest.raises(aiohttp.ClientResponseError, match="404"):
        await downloaded(bot, file_id)


async def test_a_document_of_a_bot_arrives_with_its_caption(bot: Bot, anna: User) -> None:
    chat = anna.chat
    await bot.send_document(anna.id, BufferedInputFile(CONTENTS, "all.txt"), caption="<b>All</b>", parse_mode="HTML")
    assert chat.last.attachment
    assert (chat.last.text, chat.last.attachment.file.name) == ("All", "all.txt")
    assert chat.last.attachment.file.data == CONTENTS


async def test_a_caption_has_at_most_1024_units(bot: Bot, anna: User) -> None:
    file = BufferedInputFile(b"text", "all.txt")
    await bot.send_document(anna.id, file, caption="x" * 1024)
    with pytest.raises(TelegramBadRequest, match="message caption is too long"):
        await bot.send_document(anna.id, file, caption="x" * 1025)
