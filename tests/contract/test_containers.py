"""What becomes of containers, and how it is told."""

import asyncio
from typing import Any

import pytest

from shipper.errors import EngineError, NotThere
from shipper.model.container import SERVES, SERVES_NOT, SET_ASIDE, Container, ContainerState, Label
from shipper.world import World
from tests.contract.conftest import Made
from tests.contract.stages import ABSENT, SERVICE, Stage, command_spec, image_of, spec_of, start
from tests.sim.servers import App
from tests.worlds import OF_A_CONTAINER, collect_garbage


async def state_of(world: World, name: str) -> ContainerState:
    return (await world.engine.container(name)).state


def facts(container: Container) -> dict[str, Any]:
    names = ("name", "role_name", "release_number", "version", "deploy_id", "state", "restart_policy", "exit_code")
    return {name: getattr(container, name) for name in names}


@pytest.mark.parametrize("verb", OF_A_CONTAINER)
async def test_a_container_that_is_not_there_is_told_as_such(world: World, verb: str) -> None:
    with pytest.raises(NotThere):
        await OF_A_CONTAINER[verb](world, ABSENT)
    await collect_garbage()


# Creating


async def test_a_new_container_is_created_with_policy_no_and_without_an_address(world: World, created: Made) -> None:
    name = await created()

    told = await world.engine.container(name)

    assert facts(told) == {
        "name": name,
        "role_name": "web",
        "release_number": 7,
        "version": "v7",
        "deploy_id": "0d",
        "state": ContainerState.CREATED,
        "restart_policy": SERVES_NOT,
        "exit_code": 0,
    }
    assert told.address == ""
    assert not told.is_in_use


async def test_all_containers_of_the_service_are_told_as_each_one_is(world: World, created: Made) -> None:
    names = {await created(), await created()}
    await created(service="another-service")

    told = await world.engine.containers()

    assert {container.name for container in told} == names
    assert [await world.engine.container(container.name) for container in told] == list(told)


async def test_accessories_are_told_apart_from_the_containers_of_releases(world: World, created: Made) -> None:
    release, marks = await created(), {Label.ACCESSORY: "db", Label.CONFIG: "c0ffee", Label.CONTENT: "salt:c0ffee"}
    labels = {Label.SERVICE.value: SERVICE, **{label.value: value for label, value in marks.items()}}
    accessory = await created(labels=labels)

    (told,) = await world.engine.accessories()

    assert (told.name, told.role_name, told.release_number) == (accessory, "db", 0)
    assert told.accessory
    assert (told.accessory.config_hash, told.accessory.salt) == ("c0ffee", "salt")
    assert told.accessory.image == image_of(App.WELL)
    found = await world.engine.containers()
    assert {container.name: container.accessory is not None for container in found} == {release: False, accessory: True}


async def test_a_container_gets_another_name_unless_that_is_taken(world: World, created: Made) -> None:
    name, other = await created(), await created()
    before = await world.engine.container(name)

    with pytest.raises(EngineError):
        await world.engine.rename(name, other)
    await world.engine.rename(name, f"{name}-before")

    assert facts(await world.engine.container(f"{name}-before")) == {**facts(before), "name": f"{name}-before"}
    with pytest.raises(NotThere):
        await world.engine.container(name)
    await world.engine.rename(f"{name}-before", name)


async def test_a_name_that_is_taken_is_refused_and_the_container_stays(world: World, started: Made) -> None:
    name = await started()

    with pytest.raises(EngineError) as raised:
        await world.engine.create(spec_of(App.SICK, name=name))

    assert not isinstance(raised.value, NotThere)
    assert await state_of(world, name) is ContainerState.RUNNING


async def test_a_container_of_an_image_that_is_not_there_cannot_be_created(world: World) -> None:
    spec = spec_of(image=f"{ABSENT}:1")

    with pytest.raises(NotThere):
        await world.engine.create(spec)

    with pytest.raises(NotThere):
        await world.engine.container(spec.name)


async def test_a_container_whose_network_is_not_there_does_not_start(world: World, created: Made) -> None:
    with pytest.raises(NotThere):
        await world.engine.start(await created(network_name=ABSENT))


async def test_a_container_tells_its_image(world: World, created: Made) -> None:
    image = await world.engine.image(image_of(App.WELL))

    assert image
    assert (await world.engine.container(await created())).image_id == image.id


# Starting


async def test_a_started_container_runs_and_starting_it_again_changes_nothing(world: World, started: Made) -> None:
    name = await started()
    told = await world.engine.container(name)
    assert (told.state, told.restart_policy) == (ContainerState.RUNNING, SERVES_NOT)
    assert told.address != ""

    await world.engine.start(name)

    assert await world.engine.container(name) == told


async def test_a_stopped_container_has_ended_and_can_be_started_again(world: World, started: Made) -> None:
    name = await started()

    await world.engine.stop(name, 5)
    told = await world.engine.container(name)
    assert (told.state, told.exit_code, told.address) == (ContainerState.EXITED, 0, "")

    await world.engine.start(name)
    told = await world.engine.container(name)
    assert (told.state, told.exit_code) == (ContainerState.RUNNING, 0)
    assert told.address != ""


# Ending


async def test_what_ignores_its_stop_signal_goes_on_until_it_is_killed(world: World, started: Made) -> None:
    name = await started(App.DEAF)

    await world.engine.terminate(name)
    assert not await world.engine.exits_within(name, 0.2)
    assert await state_of(world, name) is ContainerState.RUNNING

    await world.engine.stop(name, 1)
    told = await world.engine.container(name)
    assert (told.state, told.exit_code) == (ContainerState.EXITED, 137)


async def test_stopping_what_has_ended_does_nothing(world: World, started: Made) -> None:
    name = await started(App.EXITS)
    assert await world.engine.exits_within(name, 5)
    before = await world.engine.container(name)

    await world.engine.stop(name, 5)

    assert await world.engine.container(name) == before


async def test_stopping_what_never_ran_does_nothing(world: World, created: Made) -> None:
    name = await created()

    await world.engine.stop(name, 5)

    assert await state_of(world, name) is ContainerState.CREATED


async def test_terminate_does_not_wait_and_the_container_drains_until_it_ends(world: World, started: Made) -> None:
    name = await started(drain="0.5")

    await world.engine.terminate(name)

    assert await state_of(world, name) is ContainerState.RUNNING
    assert await world.engine.exits_within(name, 5)
    told = await world.engine.container(name)
    assert (told.state, told.exit_code) == (ContainerState.EXITED, 0)


async def test_what_drains_ends_though_it_is_started_and_told_to_end_again(world: World, started: Made) -> None:
    name = await started(drain="0.5")
    await world.engine.terminate(name)

    await world.engine.start(name)
    await world.engine.terminate(name)
    await world.engine.stop(name, 5)

    told = await world.engine.container(name)
    assert (told.state, told.exit_code) == (ContainerState.EXITED, 0)


@pytest.mark.parametrize("ran", [False, True])
async def test_terminating_what_does_not_run_does_nothing(world: World, created: Made, ran: bool) -> None:
    name = await created(App.EXITS)
    if ran:
        await world.engine.start(name)
        assert await world.engine.exits_within(name, 5)
    before = await world.engine.container(name)

    await world.engine.terminate(name)

    assert await world.engine.container(name) == before


@pytest.mark.parametrize("ran", [False, True])
async def test_a_container_can_be_removed_even_while_it_runs(world: World, created: Made, ran: bool) -> None:
    name = await created()
    if ran:
        await world.engine.start(name)

    await world.engine.remove(name)

    with pytest.raises(NotThere):
        await world.engine.remove(name)
    assert await world.engine.containers() == ()


# Waiting for its end


async def test_what_ends_or_has_ended_exits_within_the_time_with_its_exit_code(world: World, started: Made) -> None:
    name = await started(App.EXITS)

    assert await world.engine.exits_within(name, 5) is True
    assert await world.engine.exits_within(name, 5) is True

    told = await world.engine.container(name)
    assert (told.state, told.exit_code, told.address) == (ContainerState.EXITED, 3, "")


async def test_what_never_ran_exits_within_the_time_unless_that_is_none_at_all(world: World, created: Made) -> None:
    name = await created()

    assert await world.engine.exits_within(name, 5) is True
    assert await world.engine.exits_within(name, 0) is False


async def test_what_runs_does_not_exit_within_the_time_and_goes_on(world: World, started: Made) -> None:
    name = await started()
    begun = world.clock.monotonic()

    assert await world.engine.exits_within(name, 0.3) is False

    assert 0.3 <= world.clock.monotonic() - begun < 3
    assert await state_of(world, name) is ContainerState.RUNNING


# Commands that run once


async def test_a_command_is_followed_from_its_first_line_to_its_end(world: World, created: Made) -> None:
    name = await created(spec=command_spec())
    await world.engine.start(name)
    lines: list[str] = []

    await world.engine.follow(name, lines.append)

    assert lines == ["up"]
    told = await world.engine.container(name)
    assert (told.run, told.ended_well) == ("release", True)
    await world.engine.follow(name, lines.append)
    assert lines == ["up", "up"]


async def test_who_follows_what_goes_on_can_turn_away_at_any_time(world: World, started: Made) -> None:
    name = await started()
    lines: list[str] = []

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await world.engine.follow(name, lines.append)

    assert lines == ["up"]
    assert await state_of(world, name) is ContainerState.RUNNING


async def test_a_command_is_waited_for_and_goes_on_without_whoever_began_it(stage: Stage, created: Made) -> None:
    name = await created(spec=command_spec())
    async with stage.another() as other:
        await other.engine.start(name)

    assert await stage.world.engine.exits_within(name, 5) is True
    assert (await stage.world.engine.container(name)).ended_well


async def test_a_command_that_is_stopped_has_not_ended_well(world: World, started: Made) -> None:
    name = await started(spec=command_spec(seconds=60))

    await world.engine.stop(name, 5)

    told = await world.engine.container(name)
    assert (told.state, told.exit_code, told.ended_well) == (ContainerState.EXITED, 143, False)


# Restart policies


async def test_a_restart_policy_is_told_from_then_on_and_starts_nothing(
    world: World, started: Made, created: Made
) -> None:
    ended = await started(App.EXITS)
    assert await world.engine.exits_within(ended, 5)

    for name, state in ((await created(), ContainerState.CREATED), (ended, ContainerState.EXITED)):
        for policy in (SERVES, SET_ASIDE, SERVES_NOT):
            await world.engine.set_restart_policy(name, policy)
            told = await world.engine.container(name)
            assert (told.restart_policy, told.state) == (policy, state)


async def test_what_was_told_to_end_stays_down_and_keeps_its_restart_policy(world: World, started: Made) -> None:
    name = await started()
    await world.engine.set_restart_policy(name, SERVES)
    await world.engine.stop(name, 5)
    told = await world.engine.container(name)
    assert (told.restart_policy, told.state) == (SERVES, ContainerState.EXITED)

    await world.engine.set_restart_policy(name, SET_ASIDE)
    await start(world, name)
    await world.engine.terminate(name)
    assert await world.engine.exits_within(name, 5)
    told = await world.engine.container(name)
    assert (told.restart_policy, told.state) == (SET_ASIDE, ContainerState.EXITED)


async def test_what_ends_by_itself_and_is_to_serve_is_started_again_and_again(world: World, created: Made) -> None:
    name = await created(App.EXITS)
    await world.engine.set_restart_policy(name, SERVES)

    await world.engine.start(name)

    assert await world.engine.exits_within(name, 5)
    assert (await world.engine.container(name)).is_running
    await world.engine.set_restart_policy(name, SERVES_NOT)
    await world.engine.stop(name, 5)
    assert await state_of(world, name) is ContainerState.EXITED
