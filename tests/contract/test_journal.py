"""The lock, and what its holders write."""

from collections.abc import AsyncIterator

import pytest

from shipper.errors import Locked
from shipper.hosts.locks import locked
from shipper.model.records import Holder
from shipper.world import World
from tests.contract.stages import Stage

ANN = Holder(performer="ann@laptop", since="2026-03-01T12:00:00+00:00", purpose="deploy of 1111111")
BOB = Holder(performer="bob@desk", since="2026-03-01T12:30:00+00:00", purpose="rollback")
WHO = "another deploy holds the lock: ann@laptop has it since 2026-03-01T12:00:00+00:00, for deploy of 1111111."


@pytest.fixture
async def world(stage: Stage) -> AsyncIterator[World]:
    yield stage.world
    await stage.world.journal.unlock()


async def test_a_lock_that_is_taken_is_refused_and_the_holder_is_told(stage: Stage, world: World) -> None:
    await world.journal.lock(ANN)

    async with stage.another() as other:
        for _ in range(2):
            with pytest.raises(Locked) as raised:
                await other.journal.lock(BOB)
            assert raised.value.what == f"{world.host_name}: {WHO}"
        await other.journal.unlock()
        with pytest.raises(Locked):
            await other.journal.lock(BOB)


async def test_who_holds_the_lock_is_seen_by_everyone_and_nobody_when_it_is_free(stage: Stage, world: World) -> None:
    async with stage.another() as other:
        assert await other.journal.holder() is None
        await world.journal.lock(ANN)
        assert await other.journal.holder() == ANN
        assert await world.journal.holder() == ANN
        await world.journal.unlock()
        assert await other.journal.holder() is None


async def test_a_lock_that_was_given_back_is_free(stage: Stage, world: World) -> None:
    await world.journal.lock(ANN)
    await world.journal.unlock()
    await world.journal.unlock()

    async with stage.another() as other:
        await other.journal.lock(BOB)
        with pytest.raises(Locked, match="bob@desk"):
            await world.journal.lock(ANN)


async def test_what_is_not_locked_can_be_unlocked(world: World) -> None:
    await world.journal.unlock()


async def test_a_lock_dies_with_its_holder(stage: Stage, world: World) -> None:
    async with stage.another() as other:
        await other.journal.lock(BOB)

    async with locked({world.host_name: world}, ANN, wait=5):
        pass


async def test_what_a_holder_wrote_last_is_told_to_the_next_one(stage: Stage, world: World) -> None:
    async with stage.another() as other:
        await other.journal.lock(BOB)
        await other.journal.append({"event": "deploy", "release": 7})
        await other.journal.append({"event": "begin", "step": "start", "hosts": ("a", "b")})
        await other.journal.unlock()

    async with locked({world.host_name: world}, ANN, wait=5):
        last = dict(world.journal.last)
        assert last.pop("at")
        assert last == {"event": "begin", "step": "start", "hosts": ["a", "b"]}


async def test_who_looks_without_the_lock_learns_the_last_entry_unless_somebody_is_at_it(
    stage: Stage, world: World
) -> None:
    async with stage.another() as other:
        await other.journal.lock(BOB)
        await other.journal.append({"event": "begin", "step": "stop"})
        await world.journal.look()
        assert world.journal.last == {}
        await other.journal.unlock()

        await world.journal.look()

        assert (world.journal.last["event"], world.journal.last["step"]) == ("begin", "stop")
        async with locked({other.host_name: other}, BOB):
            pass  # nobody kept the lock from him


async def test_all_that_was_written_can_be_read_by_everyone_in_its_order(stage: Stage, world: World) -> None:
    async with stage.another() as other:
        before = await world.journal.read()
        await other.journal.lock(BOB)
        await other.journal.append({"event": "deploy", "text": "a\nb"})
        await other.journal.append({"event": "outcome"})
        await other.journal.unlock()

        read = await world.journal.read()

    assert read[: len(before)] == before
    written = [{key: value for key, value in entry.items() if key != "at"} for entry in read[len(before) :]]
    assert written == [{"event": "deploy", "text": "a\nb"}, {"event": "outcome"}]
    assert [entry["at"] for entry in read] == sorted(entry["at"] for entry in read)
