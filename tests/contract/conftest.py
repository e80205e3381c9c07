"""Each test runs twice: in the simulated world, and in the real one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from shipper.errors import NotThere
from shipper.world import World
from tests.contract.stages import Stage, real_stage, sim_stage, spec_of, start
from tests.machines import machine, prepare
from tests.sim.servers import App

Made = Callable[..., Awaitable[str]]
"""Makes a container; returns its name."""


@pytest.fixture
def sim() -> Stage:
    return sim_stage()


@pytest.fixture(scope="session")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    prepare(print)
    with machine("contract") as made:
        async with real_stage(made, tmp_path_factory.mktemp("contract")) as stage:
            yield stage


@pytest.fixture(params=["sim", "real"])
def stage(request: pytest.FixtureRequest) -> Stage:
    made: Stage = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def world(stage: Stage) -> World:
    return stage.world


@pytest.fixture
async def created(world: World) -> AsyncIterator[Made]:
    names: list[str] = []

    async def create(app: App = App.WELL, **changed: Any) -> str:
        spec = changed.pop("spec", None) or spec_of(app, **changed)
        names.append(spec.name)
        await world.engine.create(spec)
        return spec.name

    yield create
    for name in names:
        with suppress(NotThere):
            await world.engine.remove(name)


@pytest.fixture
async def started(world: World, created: Made) -> Made:
    async def create_and_start(app: App = App.WELL, **changed: Any) -> str:
        name = await created(app, **changed)
        await start(world, name)
        return name

    return create_and_start
