"""Apps that pass their work on, and the lease that one of them has at a time."""

import json

from shipper.errors import ConnectError
from shipper.world import World
from tests.contract.conftest import Made
from tests.contract.stages import PORT, new_name, singleton_spec


async def state_of(world: World, name: str) -> str:
    """Empty while it says nothing."""
    try:
        answer = await world.host.http_get((await world.engine.container(name)).address, PORT, "/health", 5)
    except ConnectError:
        return ""
    state: str = json.loads(answer.body)["state"]
    return state


async def becomes(world: World, name: str, state: str) -> None:
    deadline = world.clock.monotonic() + 10
    while (said := await state_of(world, name)) != state:
        assert world.clock.monotonic() < deadline, f"{name} is {said!r}, not {state}"
        await world.clock.sleep(0.02)


async def test_one_is_active_and_the_next_one_becomes_so_while_the_first_one_drains(
    world: World, started: Made
) -> None:
    lease = new_name()
    old = await started(spec=singleton_spec(lease))
    await becomes(world, old, "active")
    new = await started(spec=singleton_spec(lease))
    await becomes(world, new, "standby")
    assert await state_of(world, old) == "active"

    await world.engine.terminate(old)
    await becomes(world, new, "active")

    assert await state_of(world, old) == "draining"
    assert await world.engine.exits_within(old, 10)
    assert (await world.engine.container(old)).exit_code == 0


async def test_who_is_stopped_or_removed_leaves_the_lease_to_the_next_one(world: World, started: Made) -> None:
    lease = new_name()
    first, second = await started(spec=singleton_spec(lease)), ""
    await becomes(world, first, "active")
    second = await started(spec=singleton_spec(lease))
    await becomes(world, second, "standby")

    await world.engine.stop(first, 0)
    await becomes(world, second, "active")
    await world.engine.start(first)
    await becomes(world, first, "standby")
    await world.engine.remove(second)
    await becomes(world, first, "active")
