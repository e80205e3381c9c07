"""What becomes of requests while somebody works on them, with a real database and no servers."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

import shipper
from botkit.database import Database
from botkit.presence import FilePresence
from opsbot import access, acts, freezing, proposals, recovery
from opsbot.acts import Show
from opsbot.command import Command
from opsbot.desk import Desk
from opsbot.handlers.begin import begin
from opsbot.looks import logs
from opsbot.storage import messages, requests
from opsbot.storage.messages import Place
from opsbot.storage.requests import Phase, Request
from opsbot.storage.tables import requests as table
from opsbot.verbs import Verb
from opsbot.views.pages import Page
from opsbot.work import Work
from tests.integration.opsbot.desks import ANN, DEPLOY, a_desk, in_phase
from tests.unit.nouns import a_facts, a_release

ROLLBACK = Command(verb=Verb.ROLLBACK, environment="production", leaving=2)


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    """No server is reached: there is no config of any."""
    return a_desk(database, tmp_path / "nowhere")


@asynccontextmanager
async def working(desk: Desk, tmp_path: Path) -> AsyncIterator[Work]:
    present = FilePresence(f"{tmp_path}/owners")
    try:
        async with asyncio.TaskGroup() as group:
            work = Work(desk, present, group)
            running = group.create_task(work.run())
            yield work
            running.cancel()
    finally:
        present.close()


async def asked_for(desk: Desk, phase: Phase, command: Command = DEPLOY, person_id: int = 1) -> Request:
    async with desk.database.writing() as connection:
        return await in_phase(connection, phase, owner=None, command=command, person_id=person_id)


async def now(desk: Desk, request: Request) -> tuple[Phase, str]:
    """Its phase, and what its message shows."""
    async with desk.database.reading() as connection:
        found = await requests.get(connection, request.id)
        shown = {pending.id: pending.view.text for pending in await messages.behind(connection, ())}
    assert found
    return found.phase, shown[request.message]


async def until(desk: Desk, is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await is_so():
            desk.signals.to_do.ring()
            await asyncio.sleep(0.01)


async def test_what_was_left_to_the_hosts_is_not_taken_up_while_its_task_still_ends(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, ended, recovered = asyncio.Event(), [], []

    async def act(desk: Desk, request: Request) -> None:
        await desk.show(request, Page(text="cut off"), phase=Phase.RECOVERING, owner=None)
        await may_end.wait()
        ended.append(request.id)

    async def recover(desk: Desk, request: Request) -> None:
        recovered.append((request.id, list(ended)))
        await desk.end(request, Page(text="found"))

    monkeypatch.setattr(acts, "act", act)
    monkeypatch.setattr(recovery, "recover", recover)
    request = await asked_for(desk, Phase.QUEUED)

    async def is_left() -> bool:
        return (await now(desk, request))[0] is Phase.RECOVERING

    async def is_over() -> bool:
        return (await now(desk, request))[0] is Phase.OVER

    async with working(desk, tmp_path):
        await until(desk, is_left)
        for _ in range(3):  # looks at what there is to do
            desk.signals.to_do.ring()
            await asyncio.sleep(0.02)
        may_end.set()
        await until(desk, is_over)

    assert recovered == [(request.id, [request.id])]


async def test_who_is_told_to_end_right_after_a_rollback_says_so_and_freezes_all_the_same(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezes, may_freeze = asyncio.Event(), asyncio.Event()

    async def roll_back(desk: Desk, request: Request, tell: Show) -> None:
        tell(shipper.Planned(service="shop", lines=(), facts=a_facts(command="rollback")))
        tell(shipper.Ended(service="shop", outcome=shipper.Deployed(release=a_release(1), seconds=1)))

    async def freeze(desk: Desk, request: Request, reason: str) -> tuple[str, bool]:
        freezes.set()
        await may_freeze.wait()
        return "Deploys are frozen.", True

    monkeypatch.setattr(acts, "_call", roll_back)
    monkeypatch.setattr(freezing, "freeze", freeze)
    request = await asked_for(desk, Phase.QUEUED, ROLLBACK)

    async with working(desk, tmp_path) as work:
        desk.signals.to_do.ring()
        await freezes.wait()
        async with asyncio.TaskGroup() as ending:
            ending.create_task(work.drain(5))
            await asyncio.sleep(0)
            may_freeze.set()
        phase, text = await now(desk, request)

    assert phase is Phase.OVER
    assert "Deploys are frozen." in text
    assert "Nothing was begun" not in text


async def test_what_was_confirmed_by_somebody_whom_the_config_has_no_more_is_not_done(
    desk: Desk, tmp_path: Path
) -> None:
    request = await asked_for(desk, Phase.QUEUED, person_id=404)

    async def is_over() -> bool:
        return (await now(desk, request))[0] is Phase.OVER

    async with working(desk, tmp_path):
        await until(desk, is_over)

    assert "Ann may not do that here any more, as the config is now. Nothing was done." in (await now(desk, request))[1]


async def test_what_is_aborted_as_its_plan_is_shown_is_not_offered(desk: Desk) -> None:
    request = await asked_for(desk, Phase.LOOKING)
    async with desk.database.writing() as connection:
        await requests.change(connection, request, Phase.LOOKING, abort_by="bob")
        assert await proposals._put(connection, desk, request, Page(text="a plan")) == "aborted"

    phase, text = await now(desk, request)
    assert phase is Phase.OVER
    assert "aborted by bob" in text


async def test_what_a_newer_version_knows_of_requests_does_no_harm(desk: Desk) -> None:
    known, unknown = await asked_for(desk, Phase.ACTING), await asked_for(desk, Phase.WAITING)
    async with desk.database.writing() as connection:
        stored = requests._columns(DEPLOY)["command"]
        assert isinstance(stored, dict)
        for request, command in ((known, {**stored, "colour": "red"}), (unknown, {**stored, "verb": "dance"})):
            await connection.execute(update(table).where(table.c.id == request.id).values(command=command))

        assert await requests.in_phases(connection, Phase.ACTING, Phase.WAITING) == [replace(known, owner=None)]
        assert await requests.get(connection, unknown.id) is None


async def test_reading_a_config_holds_up_nothing_else(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()

    def slow(*args: object, **options: object) -> shipper.Project:
        raise shipper.ConfigError("read while all else went on" if goes_on.wait(5) else "all else stood still")

    monkeypatch.setattr(shipper, "open_project", slow)
    asyncio.get_running_loop().call_later(0.01, goes_on.set)
    with pytest.raises(shipper.ConfigError, match="read while all else went on"):
        await desk.projects.base("production")


async def test_logs_that_take_too_long_are_left_to_a_terminal(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never_ending(*args: object) -> None:
        await asyncio.Event().wait()

    async def base(*args: object) -> None:
        """None is looked at."""

    monkeypatch.setattr(logs, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(logs, "on_each", never_ending)
    monkeypatch.setattr(desk.projects, "base", base)
    request = await asked_for(desk, Phase.WAITING, Command(verb=Verb.LOGS, environment="production", role="web"))

    async def is_over() -> bool:
        return (await now(desk, request))[0] is Phase.OVER

    async with working(desk, tmp_path):
        await until(desk, is_over)

    assert "shipper logs, on a terminal" in (await now(desk, request))[1]


async def test_after_a_mistake_of_its_own_in_the_midst_of_a_deploy_the_hosts_are_asked(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(desk: Desk, request: Request, tell: Show) -> None:
        tell(shipper.Planned(service="shop", lines=(), facts=a_facts()))
        raise KeyError("a mistake")

    async def recover(desk: Desk, request: Request) -> None:
        await desk.end(request, Page(text="found"))

    monkeypatch.setattr(acts, "_call", fail)
    monkeypatch.setattr(recovery, "recover", recover)
    request = await asked_for(desk, Phase.QUEUED)

    async def is_found() -> bool:
        return await now(desk, request) == (Phase.OVER, "found")

    async with working(desk, tmp_path):
        await until(desk, is_found)


async def test_what_others_look_at_in_their_chat_is_no_answer_in_mine(desk: Desk) -> None:
    person = access.who(desk.config, ANN)
    assert person
    for command, expected in ((replace(DEPLOY, verb=Verb.STATUS, version=""), 2), (DEPLOY, 1)):
        for chat_id in (ANN, -5):
            async with desk.database.writing() as connection:
                await begin(connection, desk, Place(chat_id=chat_id), person, command)
        async with desk.database.reading() as connection:
            found = await requests.in_phases(connection, Phase.WAITING)
        assert len([request for request in found if request.verb is command.verb]) == expected
