"""What people have set, and that it is erased when they want it: SQLite and PostgreSQL."""

import asyncio
from typing import Any

from sqlalchemy import Table

from botkit.database import Database
from tests.integration.voicebot.test_stored_inbox import raw
from tests.storing import (
    NOW,
    OTHER_OWNER,
    OWNER,
    PIECE,
    TRANSCRIPT,
    add,
    call,
    claimed,
    finish,
    put,
    request,
    rows,
)
from voicebot.storage import jobs, outbox, users
from voicebot.storage.inbox import INBOX
from voicebot.storage.tables import inbox as inbox_table, metadata, outbox as outbox_table, pieces, transcripts
from voicebot.storage.users import User

HUGE_ID = (1 << 52) - 1


async def change(database: Database, user_id: int, **changes: str | bool | float | None) -> User:
    async with database.writing() as connection:
        return await users.change(connection, user_id, **changes)


async def test_who_has_set_nothing_has_the_defaults(database: Database) -> None:
    async with database.reading() as connection:
        assert await users.get(connection, HUGE_ID) == User(id=HUGE_ID)


async def test_a_change_leaves_what_was_set_before(database: Database) -> None:
    await change(database, HUGE_ID, speech_language="ru", refused_at=NOW)
    changed = await change(database, HUGE_ID, timestamps=True)
    assert changed == User(id=HUGE_ID, speech_language="ru", refused_at=NOW, timestamps=True)
    assert await change(database, HUGE_ID, speech_language=None) == User(id=HUGE_ID, refused_at=NOW, timestamps=True)
    async with database.reading() as connection:
        assert (await users.get(connection, HUGE_ID)).refused_at == NOW


async def leave_traces(database: Database, user_id: int, owner: int) -> None:
    """In all tables: recordings that are done and that are heard, answers, updates that failed or are tried again."""
    first = user_id * 10
    callback = {"update_id": first + 2, "callback_query": {"from": {"id": user_id}}}
    async with database.writing() as connection:
        updates = [raw(first, user_id=user_id), raw(first + 1, user_id=user_id), callback]
        await INBOX.accept(connection, updates, NOW)
        await INBOX.give_up(connection, first, f"failed {user_id}")
        await INBOX.postpone(connection, first + 1, NOW, f"failed {user_id}")
        await INBOX.give_up(connection, first + 2, f"failed {user_id}")
    await add(database, request(user_id), request(user_id))
    done, running = await claimed(database, owner), await claimed(database, owner)
    await finish(database, done, owner)
    async with database.writing() as connection:
        assert await jobs.save_piece(connection, running, owner, 0, PIECE)
    await put(database, call(user_id, job_id=running.id), call(-100, user_id=user_id, document=f"said by {user_id}"))


async def everything(database: Database, user_id: int) -> dict[str, list[Any]]:
    """All rows that say something about a user."""

    def of(table: Table, row: Any) -> bool:
        match table.name:
            case "users":
                return bool(row.id == user_id)
            case "inbox":
                return row.raw is not None and f"'id': {user_id}}}" in str(row.raw)
            case "pieces":
                return bool(row.job_id in job_ids)
            case "transcripts":
                return bool(row.file_unique_id in audio)
            case "outbox":
                return bool(row.user_id == user_id or row.job_id in job_ids)
            case _:
                return getattr(row, "user_id", None) == user_id

    theirs = [row for row in await rows(database, metadata.tables["jobs"]) if row.user_id == user_id]
    job_ids, audio = {row.id for row in theirs}, {row.file_unique_id for row in theirs}
    found = {table: [row for row in await rows(database, table) if of(table, row)] for table in metadata.sorted_tables}
    return {table.name: kept for table, kept in found.items() if kept}


async def test_nothing_of_a_user_is_left_who_wants_to_be_forgotten_and_others_lose_nothing(database: Database) -> None:
    for user_id, owner in ((1, OWNER), (2, OTHER_OWNER)):
        await leave_traces(database, user_id, owner)
    await add(database, request(1), request(2))
    before = await everything(database, 2)
    assert {*before} == {*(await everything(database, 1))} == {*metadata.tables} - {"queue"}
    async with database.writing() as connection:
        await users.forget(connection, 1)
    assert await everything(database, 1) == {}
    assert await everything(database, 2) == before
    for table in (pieces, transcripts):
        assert len(await rows(database, table)) == 1
    assert [row.document for row in await rows(database, outbox_table)] == [None, "said by 2"]


async def test_an_update_of_a_forgotten_user_stays_known_and_is_not_handled_again(database: Database) -> None:
    await leave_traces(database, 1, OWNER)
    async with database.writing() as connection:
        await users.forget(connection, 1)
        await INBOX.accept(connection, [raw(10), raw(11)], NOW)
        assert await INBOX.next_ones(connection, NOW, 100) == []
    assert {(row.state, row.error) for row in await rows(database, inbox_table)} == {("done", None)}


async def test_who_is_at_work_on_a_recording_of_a_user_who_is_forgotten_leaves_nothing(database: Database) -> None:
    await add(database, *(request(1) for _ in range(20)))
    running = [await claimed(database) for _ in range(20)]

    async def save(job: jobs.Job) -> None:
        async with database.writing() as connection:
            await jobs.save_piece(connection, job, OWNER, 0, PIECE)

    async def end(job: jobs.Job) -> None:
        async with database.writing() as connection:
            if await jobs.finish(connection, job, OWNER, TRANSCRIPT, NOW):
                await outbox.put(connection, [call(1, user_id=1)], NOW)

    async def forget() -> None:
        async with database.writing() as connection:
            await users.forget(connection, 1)

    work = [act(job) for job in running for act in (save, end)]
    await asyncio.gather(*work[:10], forget(), *work[10:])
    for table in (pieces, transcripts, outbox_table):
        assert await rows(database, table) == []
