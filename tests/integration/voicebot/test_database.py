"""Transactions that have to succeed, whoever else is at work, and how long they take with a hundred thousand rows."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

import botkit.database
from botkit.database import Database, file_of, parse
from tests import others
from tests.databases import PostgresDatabases, SqliteDatabases
from tests.integration.waiting import eventually
from tests.others import other
from tests.storing import NOW, OWNER, request
from voicebot.storage import outbox, queue, users
from voicebot.storage.inbox import INBOX

MANY = 100_000


async def count(connection: AsyncConnection) -> float:
    user = await users.get(connection, 1)
    return (await users.change(connection, 1, last_turn=user.last_turn + 1)).last_turn


async def test_two_processes_that_write_at_once_lose_nothing_and_fail_never(sqlite_databases: SqliteDatabases) -> None:
    with sqlite_databases.migrated() as url, ExitStack() as stack:
        both = [stack.enter_context(other(url)) for _ in range(2)]
        for process in both:
            process.begin(others.count_up, 500)
        for process in both:
            process.result()
        database = Database(parse(url))
        assert await database.insist(count) == 1001
        await database.close()


async def test_concurrent_writers_of_one_process_lose_nothing(sqlite_databases: SqliteDatabases) -> None:
    with sqlite_databases.migrated() as url:
        database = Database(parse(url))
        counted = await asyncio.gather(*(database.insist(count) for _ in range(20)))
        await database.close()
    assert sorted(counted) == [*range(1, 21)]


async def test_an_error_takes_back_the_whole_transaction(database: Database) -> None:
    async def fail(connection: AsyncConnection) -> None:
        await count(connection)
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        await database.insist(fail)
    assert await database.insist(count) == 1


async def test_who_insists_waits_for_a_database_that_another_locks(
    sqlite_databases: SqliteDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(botkit.database, "BUSY_SECONDS", 0.01)
    with sqlite_databases.migrated() as url, closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as locks:
        locks.execute("BEGIN IMMEDIATE")
        database = Database(parse(url))
        async with asyncio.TaskGroup() as group:
            with capture_logs() as logged:
                counting = group.create_task(database.insist(count))
                await asyncio.to_thread(eventually, lambda: bool(logged), "a warning")
            assert logged == [{"event": "database_failed", "error": "database is locked", "log_level": "warning"}]
            assert not counting.done()
            locks.rollback()
        assert counting.result() == 1
        await database.close()


async def test_who_insists_waits_for_a_server_that_is_restarted(postgres_databases: PostgresDatabases) -> None:
    with postgres_databases.migrated() as url:
        database = Database(parse(url))
        async with asyncio.TaskGroup() as group:
            with capture_logs() as logged:
                await database.insist(count)
                postgres_databases.server.stop()
                counting = group.create_task(database.insist(count))
                await asyncio.to_thread(eventually, lambda: bool(logged), "a warning")
            postgres_databases.server.start()
            await asyncio.to_thread(postgres_databases.wait)
        assert counting.result() == 2
        await database.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
async def full(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """With a hundred thousand done jobs and updates, a thousand that wait, and as many calls to make."""
    databases: SqliteDatabases | PostgresDatabases = request.getfixturevalue(f"{request.param}_databases")
    with databases.migrated() as url:
        made = Database(parse(url))
        async with made.writing() as connection:
            await fill(connection)
        if request.param == "postgres":
            async with made.writing() as connection:
                await connection.execute(text("ANALYZE"))  # as it does by itself after a while
        yield made
        await made.close()


async def fill(connection: AsyncConnection) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many)"
    statements = (
        "INSERT INTO jobs (update_id, user_id, chat_id, message_id, ui_language, file_id, file_unique_id, seconds,"
        f" translate, timestamps, variant, state, turn, attempts, next_at, created_at) {numbers}"
        " SELECT i, i % 1000, i % 1000, i, 'en', 'file', 'audio' || i, 10, false, false, 'tiny',"
        " CASE WHEN i % 100 = 0 THEN 'waiting' ELSE 'done' END, i, 0, 0, i FROM n",
        f"INSERT INTO inbox (update_id, state, received_at, attempts, next_at) {numbers}"
        " SELECT i, CASE WHEN i % 100 = 0 THEN 'new' ELSE 'done' END, i, 0, 0 FROM n",
        f"INSERT INTO outbox (chat_id, method, payload, attempts, created_at) {numbers}"
        " SELECT i % 1000, 'SendMessage', '{}', 0, i FROM n",
    )
    for statement in statements:
        await connection.execute(text(statement), {"many": MANY})


ASKED: dict[str, Callable[[AsyncConnection], Awaitable[object]]] = {
    "queue.claim": lambda connection: queue.claim(connection, OWNER, NOW),
    "queue.add": lambda connection: queue.add(connection, replace(request(1), update_id=MANY + 1), NOW),
    "queue.usage": lambda connection: queue.usage(connection, 1, NOW),
    "queue.owners": queue.owners,
    "queue.take_back": lambda connection: queue.take_back(connection, OWNER, [1, 2]),
    "inbox.next_ones": lambda connection: INBOX.next_ones(connection, NOW, 100),
    "outbox.claim": lambda connection: outbox.claim(connection, OWNER, [1, 2, 3], 16),
    "outbox.owners": outbox.owners,
    "outbox.take_back": lambda connection: outbox.take_back(connection, OWNER, [1, 2, 3]),
}
# SQLite says SCAN too where it goes through the outbox by number, until it has found as many as are wanted.
LOOKS_AT_ALL = re.compile(r"SCAN (jobs|inbox)|Seq Scan on (jobs|inbox|outbox)")


@pytest.mark.parametrize("asked", ASKED)
async def test_no_question_that_is_asked_all_the_time_looks_at_all_rows(full: Database, asked: str) -> None:
    explain = "EXPLAIN QUERY PLAN " if file_of(full.url) else "EXPLAIN "
    async with full.writing() as connection:
        statements: list[tuple[str, Any]] = []

        def note(_: object, __: object, statement: str, parameters: Any, *more: object) -> None:
            statements.append((statement, parameters))

        event.listen(connection.sync_connection, "before_cursor_execute", note)
        await ASKED[asked](connection)
        event.remove(connection.sync_connection, "before_cursor_execute", note)
        for statement, parameters in statements:
            plan = "\n".join(str(row) for row in await connection.exec_driver_sql(explain + statement, parameters))
            assert not LOOKS_AT_ALL.search(plan), f"{statement}\n{plan}"
        await connection.rollback()


async def test_what_people_say_does_not_stand_in_an_error(database: Database) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with database.writing() as connection:
            await connection.execute(text("INSERT INTO nowhere VALUES (:said)"), {"said": "my password is"})
    assert "my password is" not in str(failed.value)
