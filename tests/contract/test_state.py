"""What shipper keeps on a server: releases and the freeze."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from shipper.errors import HostError
from shipper.model.records import Freeze
from shipper.model.release import ReleaseOutcome
from shipper.world import World
from tests.contract.stages import Stage
from tests.unit.nouns import BEGUN, a_payload, a_release, env

ABSENT = 999_999
PAYLOAD = a_payload(
    env={"web": env(TOKEN="s3cr3t\nt0ken")}, files={"web": env(**{"/etc/key": "k"})}, secrets=env(A="b")
)


@pytest.fixture
async def world(stage: Stage) -> AsyncIterator[World]:
    """With nothing kept there."""
    yield stage.world
    if releases := await stage.world.state.releases():
        await stage.world.state.remove([release.number for release in releases])
    await stage.world.state.set_freeze(None)


async def test_at_first_there_is_nothing(world: World) -> None:
    assert await world.state.releases() == ()
    assert await world.state.payload(ABSENT) is None
    assert await world.state.payloads() == {}
    assert await world.state.freeze() is None


async def test_what_was_written_is_read_in_the_order_of_numbers(world: World) -> None:
    releases = [a_release(number, replaces=9, outcome=ReleaseOutcome.UNFINISHED) for number in (10, 9, 11)]

    for release in releases:
        await world.state.write(release, PAYLOAD)

    assert await world.state.releases() == tuple(sorted(releases, key=lambda release: release.number))
    assert await world.state.payload(10) == PAYLOAD
    assert await world.state.payloads() == dict.fromkeys((9, 10, 11), PAYLOAD)


async def test_a_release_is_not_written_twice(world: World) -> None:
    await world.state.write(a_release(1), PAYLOAD)

    with pytest.raises(HostError):
        await world.state.write(a_release(1, version="another"), a_payload())

    assert await world.state.releases() == (a_release(1),)
    assert await world.state.payload(1) == PAYLOAD


async def test_what_became_of_a_release_is_told_from_then_on_and_its_payload_stays(world: World) -> None:
    release = a_release(1, outcome=ReleaseOutcome.UNFINISHED)
    await world.state.write(release, PAYLOAD)

    await world.state.conclude(1, ReleaseOutcome.DEPLOYED)

    assert await world.state.releases() == (replace(release, outcome=ReleaseOutcome.DEPLOYED),)
    assert await world.state.payload(1) == PAYLOAD


async def test_nothing_can_become_of_no_release(world: World) -> None:
    with pytest.raises(HostError):
        await world.state.conclude(ABSENT, ReleaseOutcome.DEPLOYED)

    assert await world.state.releases() == ()


async def test_releases_that_are_removed_are_gone_and_the_others_stay(world: World) -> None:
    for number in (1, 2, 3):
        await world.state.write(a_release(number), PAYLOAD)

    await world.state.remove((1, 3, ABSENT))

    assert await world.state.releases() == (a_release(2),)
    assert await world.state.payload(1) is None


async def test_a_freeze_holds_for_all_until_it_is_lifted(stage: Stage, world: World) -> None:
    freeze = Freeze(
        performer="ann@laptop", reason='it\'s "black" friday', since=BEGUN, until=BEGUN + timedelta(hours=2)
    )

    await world.state.set_freeze(freeze)

    async with stage.another() as other:
        assert await other.state.freeze() == freeze
        await other.state.set_freeze(replace(freeze, until=None))
        assert await world.state.freeze() == replace(freeze, until=None)
        await other.state.set_freeze(None)
        await other.state.set_freeze(None)
    assert await world.state.freeze() is None
