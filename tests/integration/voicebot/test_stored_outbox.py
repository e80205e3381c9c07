"""Calls that are to be made, in the database: SQLite and PostgreSQL."""

import asyncio
from collections.abc import Collection
from contextlib import ExitStack

from sqlalchemy import insert

from botkit.database import Database
from tests import others
from tests.others import other
from tests.storing import NOW, OTHER_OWNER, OWNER, call, put, rows
from voicebot.storage import chats, outbox
from voicebot.storage.outbox import Pending
from voicebot.storage.tables import outbox as table


async def claim(
    database: Database, owner: int = OWNER, not_of: Collection[int] = (), limit: int = 100
) -> list[Pending]:
    async with database.writing() as connection:
        return await outbox.claim(connection, owner, not_of, limit)


async def remove(database: Database, pending: Pending) -> None:
    async with database.writing() as connection:
        await outbox.remove(connection, pending)


async def test_calls_of_a_chat_come_out_one_after_the_other(database: Database) -> None:
    await put(database, call(1, document="a"), call(2), call(1, document="b", job_id=5))
    first = {pending.chat_id: pending for pending in await claim(database)}
    assert sorted(first) == [1, 2]
    assert first[1].document == "a"
    assert await claim(database) == []
    await remove(database, first[1])
    (second,) = await claim(database)
    assert (second.chat_id, second.document, second.job_id, second.payload["text"]) == (1, "b", 5, "text")


async def test_no_more_than_asked_for_are_claimed_and_the_oldest_first(database: Database) -> None:
    await put(database, *(call(chat_id) for chat_id in (9, 8, 7)))
    assert {pending.chat_id for pending in await claim(database, limit=2)} == {9, 8}


async def test_chats_at_work_are_passed_over(database: Database) -> None:
    await put(database, call(1), call(2), call(3))
    assert [pending.chat_id for pending in await claim(database, not_of={1, 3})] == [2]


async def test_a_chat_is_left_alone_while_one_of_its_calls_is_made_though_an_earlier_one_appears(
    database: Database,
) -> None:
    """PostgreSQL gives out numbers before it commits: the lower one may be seen later."""
    row = {"chat_id": 1, "method": "SendMessage", "payload": {}, "attempts": 0, "created_at": NOW}
    async with database.writing() as connection:
        await connection.execute(insert(table).values(id=6, **row))
    assert len(await claim(database)) == 1
    async with database.writing() as connection:
        await connection.execute(insert(table).values(id=5, **row))
    assert await claim(database, OTHER_OWNER) == []


async def test_concurrent_claims_never_take_two_calls_of_one_chat(database: Database) -> None:
    await put(database, *(call(number % 10) for number in range(100)))
    found = await asyncio.gather(*(claim(database, owner, limit=2) for owner in range(OWNER, OWNER + 12)))
    assert sorted(pending.chat_id for each in found for pending in each) == [*range(10)]


async def test_two_processes_that_claim_at_once_never_take_two_calls_of_one_chat(
    database: Database, database_url: str
) -> None:
    await put(database, *(call(number % 30) for number in range(90)))
    with ExitStack() as stack:
        both = [stack.enter_context(other(database_url)) for _ in range(2)]
        for owner, process in enumerate(both, OWNER):
            process.begin(others.claim_calls, owner)
        found = [process.result() for process in both]
    assert sorted(found[0] + found[1]) == [*range(30)]


async def test_a_call_that_is_given_back_is_tried_again_before_what_comes_after_it(database: Database) -> None:
    await put(database, call(1, document="a"), call(1, document="b"))
    (first,) = await claim(database)
    async with database.writing() as connection:
        await outbox.give_back(connection, first)
    (again,) = await claim(database)
    assert (again.document, again.attempts) == ("a", 1)


async def test_what_was_claimed_without_our_hearing_of_it_is_taken_back(database: Database) -> None:
    await put(database, call(1), call(2), call(3))
    (known,) = await claim(database, OWNER, limit=1)
    (unheard_of,) = await claim(database, OWNER, limit=1)
    await claim(database, OTHER_OWNER)
    async with database.writing() as connection:
        await outbox.take_back(connection, OWNER, [known.id])
    assert await claim(database) == [unheard_of]


async def test_calls_of_dead_processes_are_taken_from_them(database: Database) -> None:
    await put(database, call(1), call(2))
    await claim(database, OWNER, limit=1)
    await claim(database, OTHER_OWNER, limit=1)
    async with database.writing() as connection:
        assert await outbox.owners(connection) == {OWNER, OTHER_OWNER}
        await outbox.take_from(connection, {OWNER})
        assert await outbox.owners(connection) == {OTHER_OWNER}
    assert [pending.chat_id for pending in await claim(database)] == [1]


async def test_what_is_to_be_said_to_a_chat_can_be_dropped(database: Database) -> None:
    await put(database, call(1), call(1), call(2))
    async with database.writing() as connection:
        await chats.leave(connection, 1, NOW)
    assert [row.chat_id for row in await rows(database, table)] == [2]


async def test_nothing_to_send_is_nothing_to_put(database: Database) -> None:
    await put(database)
    assert await claim(database) == []
