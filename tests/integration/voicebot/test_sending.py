"""The outbox against a Telegram, with a database and no bot around it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramNetworkError
from pydantic import SecretStr

from botkit.database import Database, parse
from botkit.pace import Pace
from botkit.telegram import connect
from tests.fakes.telegram import Chat, Message, Refusal, Telegram, methods
from tests.fakes.telegram.entities import parsed
from tests.storing import OWNER, add, claimed, request
from voicebot import metrics, progress, views
from voicebot.outbox import Outbox
from voicebot.progress import Progress
from voicebot.settings import Settings
from voicebot.signals import Signals
from voicebot.storage import jobs, outbox
from voicebot.storage.jobs import Job
from voicebot.storage.tables import outbox as table
from voicebot.trouble import Trouble

HEARD = "seven two nine four"
TOKEN = Telegram().bot.token


@pytest.fixture(scope="module")
def telegram() -> Iterator[Telegram]:
    """Of our own: its methods are changed."""
    with Telegram() as made:
        yield made


@pytest.fixture
async def database(sqlite_databases: Any) -> AsyncIterator[Database]:
    with sqlite_databases.migrated() as url:
        made = Database(parse(url))
        yield made
        await made.close()


@asynccontextmanager
async def sending(telegram: Telegram, database: Database) -> AsyncIterator[Callable[[], object]]:
    """Until it is cancelled by what it gives, or all is sent."""
    async with connected(telegram.url) as bot, asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(Outbox(bot, database, Pace(), Signals(), OWNER).run())
        yield task.cancel
        while not task.cancelled() and await unsent(database):  # noqa: ASYNC110 — a database tells nobody
            await asyncio.sleep(0.01)
        task.cancel()


def connected(url: str) -> Bot:
    return connect(SecretStr(TOKEN), url, metrics.telegram)


def settings(url: str, **more: Any) -> Settings:
    return Settings(bot_token=SecretStr(TOKEN), telegram_api=url, **more)


async def send(telegram: Telegram, database: Database) -> None:
    async with sending(telegram, database):
        pass


async def unsent(database: Database) -> bool:
    async with database.reading() as connection:
        return bool((await connection.execute(table.select().limit(1))).all())


async def dies_here(telegram: Telegram, database: Database, method: str) -> None:
    """It is killed when Telegram has done this, before it hears of it; another one takes over."""
    async with sending(telegram, database) as dies:
        loop = asyncio.get_running_loop()
        telegram.faults.after(method, lambda call: asyncio.run_coroutine_threadsafe(_act(dies), loop).result())
    async with database.writing() as connection:
        await outbox.take_from(connection, {OWNER})


async def _act(action: Callable[[], object]) -> None:
    action()


async def answered(database: Database, chat: Chat, placeholder: Message | None) -> Job:
    """A recording, whose text is about to be sent."""
    await add(database, request(chat_id=chat.id))
    job = await claimed(database)
    async with database.writing() as connection:
        if placeholder:
            await jobs.set_placeholder(connection, job.id, placeholder.id)
        await outbox.put(connection, [views.instead_of_placeholder(job, HEARD)], 0.0)
    return job


def deleted_answer(telegram: Telegram) -> Message:
    group = telegram.add_group("Family")
    answer = telegram.bot.writes(group, parsed("In the queue", ""))
    answer.is_deleted = True
    return answer


def texts(chat: Chat) -> list[str]:
    return [message.text for message in chat.from_bots]


async def test_a_text_whose_message_was_deleted_is_sent_anew(telegram: Telegram, database: Database) -> None:
    deleted = deleted_answer(telegram)
    await answered(database, deleted.chat, deleted)
    await send(telegram, database)
    assert texts(deleted.chat) == [HEARD]


@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
async def test_killed_while_it_sends_a_text_anew_it_never_sends_it_twice(
    telegram: Telegram, database: Database, method: str
) -> None:
    deleted = deleted_answer(telegram)
    await answered(database, deleted.chat, deleted)
    await dies_here(telegram, database, method)
    await send(telegram, database)
    assert texts(deleted.chat).count(HEARD) == 1


async def test_what_was_done_is_done_though_it_is_told_in_words_that_nobody_knows_yet(
    telegram: Telegram, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_later(*arguments: Any) -> Any:
        return {**methods.send_message(*arguments), "date": {"since": "the Hijra"}}

    monkeypatch.setitem(methods.METHODS, "sendmessage", of_later)
    group = telegram.add_group("Family")
    await add(database, request(chat_id=group.id))
    job = await claimed(database)
    async with database.writing() as connection:
        await outbox.put(connection, [views.reply(job, "first"), views.instead_of_placeholder(job, HEARD)], 0.0)
    await send(telegram, database)
    assert texts(group) == [HEARD]


async def test_what_is_said_to_a_group_that_has_another_number_by_now_is_said_there(
    telegram: Telegram, database: Database
) -> None:
    old, new = telegram.add_group("Family"), telegram.add_group("Family, larger")
    job = await answered(database, old, None)
    old.migrated_to = new.id
    await send(telegram, database)
    assert (texts(old), texts(new)) == ([], [HEARD])
    async with database.reading() as connection:
        moved = await jobs.get(connection, job.id)
    assert moved
    assert moved.chat_id == new.id


async def test_a_call_that_telegram_refuses_for_good_does_not_stop_those_after_it(
    telegram: Telegram, database: Database
) -> None:
    group = telegram.add_group("Family")
    telegram.faults.refuse("sendMessage", Refusal(413, "Request Entity Too Large"), chat=group)
    async with database.writing() as connection:
        await outbox.put(connection, [views.message(group.id, "first"), views.message(group.id, "second")], 0.0)
    await send(telegram, database)
    assert texts(group) == ["second"]


async def test_a_call_that_was_claimed_without_our_hearing_of_it_is_made(
    telegram: Telegram, database: Database
) -> None:
    group = telegram.add_group("Family")
    async with database.writing() as connection:
        await outbox.put(connection, [views.message(group.id, "first")], 0.0)
        await outbox.claim(connection, OWNER, [], 1)
    await send(telegram, database)
    assert texts(group) == ["first"]


async def test_an_error_longer_than_a_message_is_told_to_the_owner(telegram: Telegram, database: Database) -> None:
    owner = telegram.add_group("Owner")
    trouble = Trouble(settings(telegram.url, owner_id=owner.id), database)
    await trouble.tell("update_failed", error="<b>" * 3000)
    await send(telegram, database)
    assert "<b><b>" in owner.last.text


async def test_a_growing_text_that_does_not_get_its_turn_is_left_out(
    telegram: Telegram, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who hands the lease over waits for it."""
    monkeypatch.setattr(progress, "EDIT_PATIENCE", 0.01)
    pace = Pace()
    await add(database, request())
    job = await claimed(database)
    async with connected(telegram.url) as bot, asyncio.timeout(10), asyncio.TaskGroup() as group:
        assert Progress(bot, database, pace, group).show(job, views.instead_of_placeholder(job, HEARD))
        await pace.writing(job.chat_id).acquire()


async def test_an_answer_that_is_no_text_is_one_that_did_not_come() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 1\r\n\r\n\xff"
        )
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, connected(url) as bot:
        with pytest.raises(TelegramNetworkError):
            await bot.get_me()
