"""What the active one does for those who died, with real processes that do: SQLite and PostgreSQL."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from pydantic import SecretStr

from botkit import presence
from botkit.database import Database, parse
from botkit.presence import Presence
from tests import others
from tests.integration.waiting import eventually
from tests.others import other
from tests.storing import NOW, TRANSCRIPT, add, call, claimed, put, request, rows
from voicebot.settings import Settings
from voicebot.signals import Signals
from voicebot.storage import heard, jobs, locks, outbox, queue
from voicebot.storage.tables import jobs as table, transcripts
from voicebot.upkeep import Upkeep


@pytest.fixture
def present(database_url: str) -> Iterator[Presence]:
    with closing(presence.of(parse(database_url), locks.LEASE)) as made:
        yield made


@pytest.fixture
def upkeep(database: Database, present: Presence) -> Upkeep:
    settings = Settings(bot_token=SecretStr("123456:" + "x" * 35), keep_days=30)
    return Upkeep(settings, database, present, Signals())


async def test_what_a_dead_process_was_at_is_taken_over_and_what_the_living_are_at_is_not(
    database: Database, database_url: str, present: Presence, upkeep: Upkeep
) -> None:
    await add(database, request(1), request(2), request(3))
    await put(database, call(1), call(2), call(3))
    with other(database_url) as one, other(database_url) as two:
        owners = one.do(others.appear), two.do(others.appear), present.owner
        for owner in owners:
            await claimed(database, owner)
            async with database.writing() as connection:
                await outbox.claim(connection, owner, [], 1)
        one.kill()
        two.freeze()
        eventually(lambda: not present.is_alive(owners[0]), "the death of a process that was killed")
        await upkeep.take_over()
    async with database.reading() as connection:
        assert await queue.owners(connection) == await outbox.owners(connection) == {*owners[1:]}
    assert (await claimed(database, present.owner)).user_id == 1


async def test_with_nobody_dead_nothing_is_taken(database: Database, present: Presence, upkeep: Upkeep) -> None:
    await add(database, request())
    await claimed(database, present.owner)
    await upkeep.take_over()
    async with database.reading() as connection:
        assert await queue.owners(connection) == {present.owner}


async def test_what_is_older_than_it_is_kept_is_forgotten(database: Database, upkeep: Upkeep) -> None:
    old, recent = NOW, time.time()
    await add(database, request(1), now=old)
    await add(database, request(2), now=recent)
    async with database.writing() as connection:
        for now in (old, recent):
            job = await queue.claim(connection, 1, recent)
            assert job
            assert await jobs.finish(connection, job, 1, TRANSCRIPT, now)
    await upkeep.forget()
    assert [row.user_id for row in await rows(database, table)] == [2]
    (kept,) = await rows(database, transcripts)
    async with database.reading() as connection:
        assert await heard.transcript(connection, kept.file_unique_id, kept.variant) == TRANSCRIPT
