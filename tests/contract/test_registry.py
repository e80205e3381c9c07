"""A registry: what is not there, and what was pushed."""

import shutil
from collections.abc import AsyncIterator

import pytest

from shipper.errors import ImageError
from shipper.world import Registry, World
from tests.contract.stages import SERVICE, new_name
from tests.machines import machine, prepare
from tests.registries import NAME, serving_images
from tests.sim.faults import Client
from tests.sim.servers import Sim, SimServer
from tests.sim.world import world_of as simulated
from tests.worlds import world_of

IMAGE = f"{NAME}/{SERVICE}:1"
"""One that this machine has."""


@pytest.fixture(scope="session")
async def real_by_registry(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    prepare(print)
    folder = tmp_path_factory.mktemp("by-registry")
    with machine("by-registry") as made, serving_images(made, folder):
        made.run(f"tar -c {shutil.which('busybox')} | docker import - {IMAGE}")
        async with world_of(made, folder, SERVICE, registry=NAME) as world:
            yield world


@pytest.fixture
def sim_by_registry() -> World:
    server = SimServer("sim.example", images={IMAGE})
    return simulated(Client(Sim(servers={server.name: server}, apps={}, built={IMAGE}, published=set()), {}), server)


@pytest.fixture(params=["sim_by_registry", "real_by_registry"])
def world(request: pytest.FixtureRequest) -> World:
    made: World = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def registry(world: World) -> Registry:
    assert world.registry
    return world.registry


async def test_an_image_that_is_not_in_the_registry_is_nothing(world: World, registry: Registry) -> None:
    assert await registry.find(f"{NAME}/{new_name()}:1", world) is None


async def test_an_image_that_is_not_in_the_registry_cannot_be_pulled(world: World, registry: Registry) -> None:
    with pytest.raises(ImageError):
        await registry.pull(f"{NAME}/{new_name()}:1", None, world, lambda progress: None)


async def test_an_image_that_was_pushed_is_found_and_pulled(world: World, registry: Registry) -> None:
    first = await registry.push(IMAGE, world, lambda line: None, as_latest=False)
    second = await registry.push(IMAGE, world, lambda line: None, as_latest=False)
    assert first.startswith("to ")
    assert second.endswith("has got it from elsewhere meanwhile: that one counts")
    await world.engine.remove_image(IMAGE)

    found = await registry.find(IMAGE, world)
    assert found
    assert found.platforms == (await world.engine.platform(),)
    await registry.pull(IMAGE, found.digest, world, lambda progress: None)

    assert await world.engine.image(IMAGE)
