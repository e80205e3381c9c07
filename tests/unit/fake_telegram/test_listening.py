"""Where the Telegram of the tests listens, and how it ends."""

import asyncio

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramNetworkError

from tests.fakes.telegram import Telegram


def test_an_address_that_is_taken_is_an_error(telegram: Telegram) -> None:
    with pytest.raises(OSError, match="in use"), Telegram(port=telegram.port):
        pass


async def test_it_ends_although_somebody_polls(session: AiohttpSession) -> None:
    async with asyncio.TaskGroup() as tasks:
        with Telegram() as telegram:
            session.api = TelegramAPIServer.from_base(telegram.url)
            poll = tasks.create_task(fails(Bot(telegram.bot.token, session)))
            await asyncio.to_thread(telegram.bot.mailbox.wait_for_poll)
        await poll


async def fails(bot: Bot) -> None:
    with pytest.raises(TelegramNetworkError):
        await bot.get_updates(timeout=50)
