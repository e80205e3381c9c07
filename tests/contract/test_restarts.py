"""Which containers come back when Docker crashes, and when the server loses its power."""

from collections.abc import AsyncIterator, Callable, Iterable

import pytest

from shipper.model.container import SERVES, SERVES_NOT, SET_ASIDE, ContainerState
from shipper.world import World
from tests.contract.stages import Stage, real_stage, spec_of, start
from tests.machines import machine, prepare
from tests.sim.servers import App

AFTER_A_CRASH = {
    (SERVES, "runs"): "runs",
    (SERVES, "was stopped"): "runs",
    (SERVES, "never ran"): "created",
    (SET_ASIDE, "runs"): "exited 0",  # Docker stops what it finds running, and takes that for someone's wish
    (SET_ASIDE, "drains"): "exited 0",
    (SET_ASIDE, "was stopped"): "exited 0",
    (SET_ASIDE, "ended by itself"): "runs",
    (SERVES_NOT, "runs"): "exited 0",
}
AFTER_A_POWER_CUT = {
    (SERVES, "runs"): "runs",
    (SET_ASIDE, "runs"): "runs",
    (SET_ASIDE, "drains"): "exited 255",
    (SET_ASIDE, "was stopped"): "exited 0",
    (SERVES_NOT, "runs"): "exited 255",
}


@pytest.fixture(scope="module")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A machine to break."""
    prepare(print)
    with machine("restarts") as made:
        async with real_stage(made, tmp_path_factory.mktemp("restarts")) as stage:
            yield stage


async def test_after_a_crash_of_docker_the_restart_policy_says_what_runs(stage: Stage) -> None:
    assert await what_becomes(AFTER_A_CRASH, stage, stage.restart_docker) == AFTER_A_CRASH


async def test_after_a_power_cut_the_restart_policy_says_what_runs(stage: Stage) -> None:
    assert await what_becomes(AFTER_A_POWER_CUT, stage, stage.reboot) == AFTER_A_POWER_CUT


async def what_becomes(
    lives: Iterable[tuple[str, str]], stage: Stage, happen: Callable[[], None]
) -> dict[tuple[str, str], str]:
    async with stage.another() as world:
        names = {(policy, life): await make(world, policy, life) for policy, life in lives}
        await world.engine.terminate(names[SET_ASIDE, "drains"])
        happen()
    async with stage.another() as world:
        return {key: await told(world, name) for key, name in names.items()}


async def make(world: World, policy: str, life: str) -> str:
    app = App.EXITS if life == "ended by itself" else App.WELL
    spec = spec_of(app, drain="1.5" if life == "drains" else "0", stop_timeout=5)
    await world.engine.create(spec)
    if life != "never ran":
        await start(world, spec.name)
    if life == "was stopped":
        await world.engine.stop(spec.name, 5)
    if life == "ended by itself":
        assert await world.engine.exits_within(spec.name, 5)
    await world.engine.set_restart_policy(spec.name, policy)
    return spec.name


async def told(world: World, name: str) -> str:
    container = await world.engine.container(name)
    if container.is_running:
        return "runs"
    return f"exited {container.exit_code}" if container.state is ContainerState.EXITED else container.state
