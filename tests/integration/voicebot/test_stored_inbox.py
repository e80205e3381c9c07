"""Updates in the database: SQLite and PostgreSQL."""

from botkit.database import Database
from botkit.inbox import KNOWN_SECONDS, Raw
from tests.storing import NOW, rows
from voicebot.storage.inbox import INBOX
from voicebot.storage.tables import inbox as table

MAX_KEPT = 30 * 86400


def raw(update_id: int, text: str = "text", user_id: int = 1) -> Raw:
    return {"update_id": update_id, "message": {"text": text, "from": {"id": user_id}}}


async def accept(database: Database, *updates: Raw) -> None:
    async with database.writing() as connection:
        await INBOX.accept(connection, updates, NOW)


async def next_ids(database: Database, now: float = NOW, limit: int = 100) -> list[int]:
    async with database.reading() as connection:
        return [received.update_id for received in await INBOX.next_ones(connection, now, limit)]


async def test_an_update_that_is_given_twice_is_kept_as_it_came_first(database: Database) -> None:
    await accept(database, raw(5, "first"))
    await accept(database, raw(5, "again"))
    async with database.reading() as connection:
        (received,) = await INBOX.next_ones(connection, NOW, 100)
    assert received.raw == raw(5, "first")


async def test_of_a_batch_that_is_known_in_part_the_rest_is_taken(database: Database) -> None:
    await accept(database, raw(5), raw(7))
    await accept(database, raw(5), raw(6), raw(7), raw(8))
    assert await next_ids(database) == [5, 6, 7, 8]


async def test_a_whole_batch_comes_out_in_the_order_of_its_numbers(database: Database) -> None:
    numbers = range(1 << 40, (1 << 40) + 100)
    await accept(database, *map(raw, reversed(numbers)))
    assert await next_ids(database) == [*numbers]
    assert await next_ids(database, limit=3) == [*numbers[:3]]


async def test_a_text_comes_back_as_it_was_whatever_stands_in_it(database: Database) -> None:
    strange = raw(5, "\u0000 \ud800 \U0001f600 '\" \\ %s :x")
    await accept(database, strange)
    async with database.reading() as connection:
        (received,) = await INBOX.next_ones(connection, NOW, 100)
    assert received.raw == strange


async def test_what_is_done_is_erased_and_is_not_taken_again(database: Database) -> None:
    await accept(database, raw(5))
    async with database.writing() as connection:
        await INBOX.postpone(connection, 5, NOW, "could not read 'text'")
        await INBOX.finish(connection, 5)
    await accept(database, raw(5))
    assert await next_ids(database) == []
    (row,) = await rows(database, table)
    assert (row.raw, row.error) == (None, None)


async def test_what_is_postponed_comes_when_it_is_time_and_tells_how_often_it_was_tried(database: Database) -> None:
    await accept(database, raw(5))
    async with database.writing() as connection:
        await INBOX.postpone(connection, 5, NOW + 5, "failed")
    assert await next_ids(database, NOW + 4) == []
    async with database.reading() as connection:
        (received,) = await INBOX.next_ones(connection, NOW + 5, 100)
    assert received.attempts == 1


async def test_an_update_is_finished_once_and_what_is_done_stays_so(database: Database) -> None:
    await accept(database, raw(5))
    async with database.writing() as connection:
        assert await INBOX.finish(connection, 5)
        assert not await INBOX.finish(connection, 5)
        await INBOX.postpone(connection, 5, NOW, "failed")
        await INBOX.give_up(connection, 5, "failed")
    (row,) = await rows(database, table)
    assert (row.state, row.attempts, row.error) == ("done", 0, None)


async def test_an_update_comes_at_once_though_the_clock_goes_back(database: Database) -> None:
    await accept(database, raw(5))
    assert await next_ids(database, NOW - 3600) == [5]


async def test_what_is_given_up_stays_and_is_not_tried_again(database: Database) -> None:
    await accept(database, raw(5))
    async with database.writing() as connection:
        await INBOX.give_up(connection, 5, "failed")
    assert await next_ids(database, NOW * 2) == []
    (row,) = await rows(database, table)
    assert (row.state, row.raw, row.error) == ("dead", raw(5), "failed")


async def test_a_number_is_forgotten_before_it_may_be_used_again_and_a_failure_when_all_is(database: Database) -> None:
    await accept(database, raw(1), raw(2), raw(3))
    async with database.writing() as connection:
        await INBOX.finish(connection, 1)
        await INBOX.give_up(connection, 2, "failed")

    async def left(now: float) -> list[int]:
        async with database.writing() as connection:
            await INBOX.forget_old(connection, now, now - MAX_KEPT)
        return [row.update_id for row in await rows(database, table)]

    assert await left(NOW + KNOWN_SECONDS - 1) == [1, 2, 3]
    assert await left(NOW + KNOWN_SECONDS + 1) == [2, 3]
    assert await left(NOW + MAX_KEPT + 1) == [3]
