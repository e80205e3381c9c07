"""What becomes of requests whose process died, in the real database, among real processes' locks."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.database import Database
from botkit.presence import FilePresence
from opsbot import recovery, turns
from opsbot.storage import messages, requests
from opsbot.storage.requests import UNDER_WAY, Phase
from tests.integration.opsbot.desks import DEPLOY, a_desk, in_phase


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[AsyncConnection]:
    async with database.writing() as connection:
        yield connection


@pytest.fixture
def present(tmp_path: Path) -> Iterator[FilePresence]:
    made = FilePresence(f"{tmp_path}/owners")
    yield made
    made.close()


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


async def test_who_cannot_find_out_in_time_says_so_and_may_be_asked_to_look_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PATIENCE_SECONDS", 0)
    desk = a_desk(database, tmp_path / "nowhere")
    async with database.writing() as connection:
        left = await in_phase(connection, Phase.RECOVERING, owner=1)

    await recovery.recover(desk, left)

    async with database.reading() as connection:
        told, alarm = await messages.behind(connection, ())
        found = await requests.get(connection, left.id)
    assert "What serves now is not known.\n" in told.view.text
    assert [text for row in told.view.keyboard for text, _ in row] == ["Look again"]
    assert "See what became of it" in alarm.view.text
    assert found
    assert found.phase is Phase.OVER


async def test_what_was_left_in_an_environment_that_is_none_any_more_is_ended_without_buttons(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "PATIENCE_SECONDS", 0)
    desk = a_desk(database, tmp_path)
    async with database.writing() as connection:
        left = await in_phase(connection, Phase.RECOVERING, owner=1)
        gone = replace(DEPLOY, environment="staging")
        changed = await requests.change(connection, left, Phase.RECOVERING, command=gone)
        assert changed

    await recovery.recover(desk, changed)

    async with database.reading() as connection:
        told, _ = await messages.behind(connection, ())
    assert "staging is no environment of config/opsbot.yaml any more." in told.view.text
    assert told.view.keyboard == ()
