"""A Telegram for each test, and the real aiogram to ask it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from tests.fakes.telegram import Telegram, User


@pytest.fixture
def telegram() -> Iterator[Telegram]:
    with Telegram() as made:
        yield made


@pytest.fixture
def anna(telegram: Telegram) -> User:
    """She has opened the bot's chat, and written nothing."""
    made = telegram.add_user("Anna")
    telegram.private_chat(made, telegram.bot)
    return made


@pytest.fixture(scope="package")
async def session() -> AsyncIterator[AiohttpSession]:
    """One for all tests: aiogram takes a quarter of a second to close it."""
    made = AiohttpSession()
    yield made
    await made.close()


@pytest.fixture
def bot(telegram: Telegram, session: AiohttpSession) -> Bot:
    session.api = TelegramAPIServer.from_base(telegram.url)
    return Bot(telegram.bot.token, session)
