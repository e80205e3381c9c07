"""The Telegram of the tests gives updates by the rules of the real one, as aiogram sees them."""

import asyncio
from typing import Any

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramConflictError
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, Update

from tests.fakes.telegram import Message, Telegram, User

HOUR = 3600.0


async def updates(bot: Bot, **options: Any) -> list[Update]:
    return await bot.get_updates(**options)


async def texts(bot: Bot, **options: Any) -> list[str | None]:
    return [update.message.text if update.message else None for update in await updates(bot, **options)]


async def conflict(bot: Bot) -> str:
    with pytest.raises(TelegramConflictError) as caught:
        await bot.get_updates(timeout=30)
    return caught.value.message


async def sent_with_button(bot: Bot, user: User, label: str) -> Message:
    """A message of the bot to the user, as the user sees it."""
    button = InlineKeyboardButton(text=label, callback_data="data")
    chat = user.chat
    sent = await bot.send_message(user.id, "…", reply_markup=InlineKeyboardMarkup(inline_keyboard=[[button]]))
    message = chat.find(sent.message_id)
    assert message
    return message


async def test_updates_come_again_until_a_higher_offset_confirms_them(bot: Bot, telegram: Telegram, anna: User) -> None:
    for text in ("one", "two", "three"):
        anna.sends_text(text)
    assert await texts(bot) == ["one", "two", "three"]
    telegram.clock.forward(1)
    first = (await updates(bot, limit=1))[0].update_id
    assert await texts(bot, offset=first + 2) == ["three"]
    assert [update.id for update in telegram.bot.mailbox.confirmed] == [first, first + 1]


async def test_a_negative_offset_forgets_all_but_the_last(bot: Bot, anna: User) -> None:
    for text in ("one", "two", "three"):
        anna.sends_text(text)
    assert await texts(bot, offset=-1) == ["three"]
    assert await texts(bot) == ["three"]


async def test_an_offset_from_the_future_confirms_nothing(bot: Bot, anna: User) -> None:
    anna.sends_text("one")
    assert await texts(bot, offset=2_000_000_000) == ["one"]


async def test_there_are_at_most_100_updates_at_once(bot: Bot, anna: User) -> None:
    for number in range(102):
        anna.sends_text(str(number))
    assert len(await updates(bot, limit=200)) == 100


async def test_a_long_poll_ends_with_the_first_update(bot: Bot, telegram: Telegram, anna: User) -> None:
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(texts(bot, timeout=30))
        await asyncio.to_thread(telegram.bot.mailbox.wait_for_poll)
        anna.sends_text("hello")
    assert poll.result() == ["hello"]


async def test_who_asks_the_same_again_at_once_must_wait_although_it_wants_not(
    bot: Bot, telegram: Telegram, anna: User
) -> None:
    await updates(bot, offset=5)
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(texts(bot, offset=5, timeout=0))
        await asyncio.to_thread(telegram.bot.mailbox.wait_for_poll)
        anna.sends_text("hello")
    assert poll.result() == ["hello"]


async def test_who_asks_the_same_again_at_once_gets_one_update(bot: Bot, anna: User) -> None:
    anna.sends_text("one")
    anna.sends_text("two")
    assert await texts(bot, timeout=5) == ["one", "two"]
    assert await texts(bot, timeout=5) == ["one"]


async def test_the_newest_long_poll_ends_the_older_with_a_conflict(bot: Bot, telegram: Telegram, anna: User) -> None:
    async with asyncio.TaskGroup() as tasks:
        older = tasks.create_task(conflict(bot))
        await asyncio.to_thread(telegram.bot.mailbox.wait_for_poll)
        newer = tasks.create_task(texts(bot, timeout=30))
        assert "terminated by other getUpdates request" in await older
        anna.sends_text("hello")
    assert newer.result() == ["hello"]
    assert telegram.bot.mailbox.overlaps == [("127.0.0.1", "127.0.0.1")]


async def test_a_second_conflict_soon_after_the_first_is_held_back(bot: Bot, telegram: Telegram) -> None:
    telegram.bot.mailbox.webhook_url = "https://example.org"
    await conflict(bot)
    async with asyncio.TaskGroup() as tasks:
        second = tasks.create_task(conflict(bot))
        await asyncio.to_thread(telegram.bot.mailbox.wait_for_poll)
        telegram.clock.forward(3)
        await conflict(bot)
        assert not second.done()
        second.cancel()


async def test_a_short_poll_disturbs_nobody(bot: Bot, telegram: Telegram, anna: User) -> None:
    async with asyncio.TaskGroup() as tasks:
        long = tasks.create_task(texts(bot, timeout=30))
        await asyncio.to_thread(telegram.bot.mailbox.wait_for_poll)
        assert await updates(bot, offset=7) == []
        anna.sends_text("hello")
    assert long.result() == ["hello"]


async def test_a_poller_that_hung_up_is_no_overlap(bot: Bot, telegram: Telegram, anna: User) -> None:
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(updates(bot, timeout=30))
        await asyncio.to_thread(telegram.bot.mailbox.wait_for_poll)
        poll.cancel()
    anna.sends_text("hello")
    assert await texts(bot, timeout=30) == ["hello"]
    assert telegram.bot.mailbox.overlaps == []


async def test_pollers_have_the_names_of_their_addresses_and_gaps_between_them(
    telegram: Telegram, session: AiohttpSession
) -> None:
    for number, name in enumerate(("blue", "green", "green", "blue")):
        session.api = TelegramAPIServer.from_base(f"{telegram.url}/as/{name}")
        await updates(Bot(telegram.bot.token, session), offset=number)
    assert [poll.name for poll in telegram.bot.mailbox.polls] == ["blue", "green", "green", "blue"]
    assert [gap > 0 for gap in telegram.bot.mailbox.gaps()] == [True, True]


async def test_messages_are_kept_for_a_day_and_clicks_for_150_seconds(bot: Bot, telegram: Telegram, anna: User) -> None:
    anna.clicks("Cancel", on=await sent_with_button(bot, anna, "Cancel"))
    anna.sends_text("hello")
    telegram.clock.forward(149)
    assert len(await updates(bot)) == 2
    telegram.clock.forward(2)
    assert [update.event_type for update in await updates(bot)] == ["message"]
    telegram.clock.forward(24 * HOUR)
    assert await updates(bot) == []


async def test_only_wanted_kinds_are_kept_and_the_wish_lasts(bot: Bot, telegram: Telegram, anna: User) -> None:
    await bot.get_updates(allowed_updates=["callback_query"])
    anna.sends_text("hello")
    telegram.clock.forward(3)
    assert await updates(bot) == []
