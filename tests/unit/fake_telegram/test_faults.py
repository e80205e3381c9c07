"""What goes wrong in the Telegram of the tests when a test wants it, as aiogram sees it."""

import asyncio
from collections.abc import Awaitable

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramNetworkError, TelegramNotFound, TelegramRetryAfter, TelegramServerError

from tests.fakes.telegram import Telegram, User


async def fails(request: Awaitable[object]) -> None:
    with pytest.raises(TelegramNetworkError):
        await request


async def test_too_many_requests_tell_when_to_come_again(bot: Bot, telegram: Telegram, anna: User) -> None:
    telegram.faults.limit("sendMessage", retry_after=7, times=2)
    for _ in range(2):
        with pytest.raises(TelegramRetryAfter) as caught:
            await bot.send_message(anna.id, "hi")
        assert caught.value.retry_after == 7
    await bot.send_message(anna.id, "hi")
    assert [message.text for message in anna.chat.from_bots] == ["hi"]
    assert len(telegram.calls) == 3


async def test_the_header_tells_when_to_come_again_too(telegram: Telegram) -> None:
    telegram.faults.limit("getMe", retry_after=7)
    async with aiohttp.ClientSession() as client, client.get(f"{telegram.url}/bot{telegram.bot.token}/getMe") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


async def test_one_chat_may_be_limited_alone(bot: Bot, telegram: Telegram, anna: User) -> None:
    boris = telegram.add_user("Boris")
    boris.sends_text("hello")
    telegram.faults.limit("", retry_after=7, chat=anna.chat)
    await bot.send_message(boris.id, "hi")
    with pytest.raises(TelegramRetryAfter):
        await bot.send_message(anna.id, "hi")


async def test_something_happens_between_an_effect_and_its_answer(bot: Bot, telegram: Telegram, anna: User) -> None:
    seen = list[str]()
    telegram.faults.after("sendMessage", lambda call: seen.append(anna.chat.last.text))
    await bot.send_message(anna.id, "one")
    await bot.send_message(anna.id, "two")
    assert seen == ["one"]


async def test_an_answer_is_held_back_although_the_effect_is_there(bot: Bot, telegram: Telegram, anna: User) -> None:
    with telegram.faults.hold("sendMessage") as held:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(bot.send_message(anna.id, "hi"))
            await asyncio.to_thread(held.wait, 10)
            assert anna.chat.last.text == "hi"
            assert not sending.done()
            sending.cancel()


async def test_a_request_is_held_back_before_its_effect(bot: Bot, telegram: Telegram, anna: User) -> None:
    async with asyncio.TaskGroup() as tasks:
        with telegram.faults.hold("sendMessage", stage="before") as held:
            tasks.create_task(bot.send_message(anna.id, "hi"))
            await asyncio.to_thread(held.wait, 10)
            assert anna.chat.messages == []
    assert anna.chat.last.text == "hi"


async def test_every_request_is_slow_to_arrive(bot: Bot, telegram: Telegram, anna: User) -> None:
    async with asyncio.TaskGroup() as tasks:
        with telegram.faults.slow(30) as held:
            sending = tasks.create_task(bot.send_message(anna.id, "hi"))
            await asyncio.to_thread(held.wait, 10)
            assert anna.chat.messages == []
        await sending
    assert anna.chat.last.text == "hi"


async def test_telegram_is_a_bad_gateway(bot: Bot, telegram: Telegram) -> None:
    with telegram.faults.bad_gateway(), pytest.raises(TelegramServerError):
        await bot.get_me()
    await bot.get_me()


async def test_telegram_goes_down_and_comes_back_at_the_same_address(bot: Bot, telegram: Telegram) -> None:
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(fails(bot.get_updates(timeout=30)))
        await asyncio.to_thread(telegram.bot.mailbox.wait_for_poll)
        telegram.goes_down()
        await poll
    await fails(bot.get_me())
    telegram.comes_back()
    await bot.get_me()


async def test_a_method_that_is_not_there_is_not_found(bot: Bot) -> None:
    with pytest.raises(TelegramNotFound):
        await bot.log_out()


async def test_methods_are_called_with_json_or_in_the_address(telegram: Telegram, anna: User) -> None:
    base = f"{telegram.url}/bot{telegram.bot.token}"
    async with aiohttp.ClientSession() as client:
        await client.post(f"{base}/SendMessage", json={"chat_id": anna.id, "text": "hi"})
        await client.get(f"{base}/sendMessage", params={"chat_id": anna.id, "text": "hi again"})
    assert [message.text for message in anna.chat.from_bots] == ["hi", "hi again"]


async def test_calls_are_remembered_with_what_they_were_given(bot: Bot, telegram: Telegram, anna: User) -> None:
    await bot.send_message(anna.id, "hi")
    assert [(call.method, call.parameters.text("text")) for call in telegram.calls] == [("sendMessage", "hi")]
