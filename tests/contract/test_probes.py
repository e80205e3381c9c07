"""What containers answer: over the network, to commands, in their logs. And the server's disk and clock."""

import pytest

from shipper.errors import ConnectError, EngineError, NotThere
from shipper.world import World
from tests.contract.conftest import Made
from tests.contract.stages import IS_UP, PORT
from tests.sim.servers import App


async def address_of(world: World, name: str) -> str:
    return (await world.engine.container(name)).address


async def test_an_app_that_is_well_answers(world: World, started: Made) -> None:
    address = await address_of(world, await started())

    await world.host.connect_tcp(address, PORT, 5)
    assert (await world.host.http_get(address, PORT, "/up", 5)).status == 200


async def test_an_app_that_is_sick_says_so(world: World, started: Made) -> None:
    address = await address_of(world, await started(App.SICK))

    await world.host.connect_tcp(address, PORT, 5)
    assert (await world.host.http_get(address, PORT, "/up", 5)).status >= 400


async def test_at_the_address_of_what_was_stopped_nobody_answers(world: World, started: Made) -> None:
    name = await started()
    address = await address_of(world, name)
    await world.engine.stop(name, 5)

    with pytest.raises(ConnectError):
        await world.host.connect_tcp(address, PORT, 0.3)
    with pytest.raises(ConnectError):
        await world.host.http_get(address, PORT, "/up", 0.3)


async def test_at_no_address_nobody_answers(world: World) -> None:
    with pytest.raises(ConnectError):
        await world.host.connect_tcp("", 22, 5)
    with pytest.raises(ConnectError):
        await world.host.http_get("", 22, "/up", 5)


@pytest.mark.parametrize(("app", "exit_code"), [(App.WELL, 0), (App.SICK, 1)])
async def test_a_command_in_a_container_gives_its_exit_code(
    world: World, started: Made, app: App, exit_code: int
) -> None:
    finished = await world.engine.execute(await started(app), IS_UP, 5)

    assert (finished.exit_code, finished.output) == (exit_code, "")


async def test_a_container_that_does_not_run_executes_nothing(world: World, created: Made, started: Made) -> None:
    stopped = await started()
    await world.engine.stop(stopped, 5)

    for name in (await created(), stopped):
        with pytest.raises(EngineError) as raised:
            await world.engine.execute(name, IS_UP, 5)
        assert not isinstance(raised.value, NotThere)


async def test_logs_are_the_last_lines_of_all_its_runs(world: World, created: Made) -> None:
    name = await created(App.EXITS)
    assert await world.engine.logs(name, 5) == ()

    for _ in range(2):
        await world.engine.start(name)
        assert await world.engine.exits_within(name, 5)

    assert await world.engine.logs(name, 5) == ("up", "up")
    assert await world.engine.logs(name, 1) == ("up",)


async def test_the_platform_is_told(world: World) -> None:
    assert (await world.engine.platform()).startswith("linux/")


async def test_the_clock_goes_on(world: World) -> None:
    begun, since = world.clock.monotonic(), world.clock.now()

    await world.clock.sleep(0.01)

    assert world.clock.monotonic() - begun >= 0.01
    assert (world.clock.now() - since).total_seconds() > 0
