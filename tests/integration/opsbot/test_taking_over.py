"""What becomes of requests whose process died, in the real database, among real processes' locks."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.database import Database, parse
from botkit.presence import FilePresence
from opsbot import recovery, turns
from opsbot.command import Command
from opsbot.storage import requests
from opsbot.storage.requests import UNDER_WAY, Phase, Request
from opsbot.storage.schema import MIGRATIONS
from opsbot.verbs import Verb

DEPLOY = Command(verb=Verb.DEPLOY, environment="production", version="1" * 40)


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[AsyncConnection]:
    url = parse(f"sqlite:///{tmp_path}/opsbot.db")
    MIGRATIONS.migrate(url, print)
    database = Database(url)
    async with database.writing() as connection:
        yield connection
    await database.close()


@pytest.fixture
def present(tmp_path: Path) -> Iterator[FilePresence]:
    made = FilePresence(f"{tmp_path}/owners")
    yield made
    made.close()


async def in_phase(connection: AsyncConnection, phase: Phase, owner: int | None) -> Request:
    added = await requests.add(
        connection, DEPLOY, person_id=1, person_name="Ann", phase=phase, message=1, now=time.time()
    )
    changed = await requests.change(connection, added, phase, owner=owner)
    assert changed
    return changed


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.ASKING, Phase.ASKING),
        (Phase.WAITING, Phase.WAITING),
        (Phase.LOOKING, Phase.WAITING),
        (Phase.PROPOSED, Phase.PROPOSED),
        (Phase.QUEUED, Phase.QUEUED),
        (Phase.ACTING, Phase.RECOVERING),
        (Phase.RECOVERING, Phase.RECOVERING),
        (Phase.OVER, Phase.OVER),
    ],
)
async def test_what_the_dead_were_at_is_gone_on_with_or_found_out(
    connection: AsyncConnection, present: FilePresence, phase: Phase, expected: Phase
) -> None:
    begun = await in_phase(connection, phase, owner=1)

    await recovery.take_over(connection, lambda request: present.is_alive(request.owner or 0))

    found = await requests.get(connection, begun.id)
    assert found
    assert found.phase is expected


async def test_what_the_living_are_at_is_left_to_them(connection: AsyncConnection, present: FilePresence) -> None:
    begun = await in_phase(connection, Phase.ACTING, owner=present.owner)

    await recovery.take_over(connection, lambda request: present.is_alive(request.owner or 0))

    assert await requests.get(connection, begun.id) == begun


async def test_what_became_of_the_dead_is_found_out_before_anything_else_is_done_there(
    connection: AsyncConnection,
) -> None:
    left = await in_phase(connection, Phase.RECOVERING, owner=None)
    await in_phase(connection, Phase.QUEUED, owner=None)
    await in_phase(connection, Phase.WAITING, owner=None)

    found = await requests.in_phases(connection, *UNDER_WAY)

    assert [request.id for request in turns.startable(found)] == [left.id]
    assert {queued.behind.id for queued in turns.queued(found)} == {left.id}
