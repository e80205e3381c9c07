"""Images, here and there; and networks, which are no less simple."""

import pytest

from shipper.errors import EngineError, ImageError, NotThere
from shipper.world import World
from tests.contract.conftest import Made
from tests.contract.stages import ABSENT, FILES, Stage, image_of, new_name
from tests.sim.servers import App


async def test_an_image_that_is_there_is_told_and_is_among_all(world: World) -> None:
    image = await world.engine.image(image_of(App.WELL))

    assert image
    assert image.platform == await world.engine.platform()
    assert image in await world.engine.images()
    (listed,) = [other for other in await world.engine.list_images() if image_of(App.WELL) in other.names]
    assert listed.id == image.id


async def test_an_image_that_is_not_there_is_nothing(world: World) -> None:
    assert await world.engine.image(f"{ABSENT}:1") is None
    assert await world.images.find(f"{ABSENT}:1") is None


async def test_an_image_that_is_not_here_cannot_be_shipped(world: World) -> None:
    with pytest.raises(ImageError):
        await world.images.ship(f"{ABSENT}:1", world, lambda progress: None)


async def test_an_image_that_is_not_there_cannot_be_removed(world: World) -> None:
    with pytest.raises(NotThere):
        await world.engine.remove_image(f"{ABSENT}:1")


async def test_an_image_is_removed(stage: Stage) -> None:
    name = f"{new_name()}:1"
    stage.add_image(name)

    await stage.world.engine.remove_image(name)

    assert await stage.world.engine.image(name) is None


async def test_an_image_of_a_container_is_not_removed_though_that_does_not_run(stage: Stage, created: Made) -> None:
    image_name = f"{new_name()}:1"
    stage.add_image(image_name)
    container_name = await created(image=image_name)

    with pytest.raises(EngineError) as raised:
        await stage.world.engine.remove_image(image_name)

    assert not isinstance(raised.value, NotThere)
    assert await stage.world.engine.image(image_name)
    await stage.world.engine.remove(container_name)
    await stage.world.engine.remove_image(image_name)


async def test_files_of_an_image_are_read_by_folder_or_alone_and_nothing_is_left_of_it(world: World) -> None:
    before = await world.engine.containers()

    assert await world.engine.files(image_of(App.WELL), "config") == FILES
    assert await world.engine.files(image_of(App.WELL), "config/more/env.j2") == {"config/more/env.j2": b"A=1\n"}
    assert await world.engine.files(image_of(App.WELL), ABSENT) == {}

    with pytest.raises(NotThere):
        await world.engine.files(f"{ABSENT}:1", "config")
    assert await world.engine.containers() == before


async def test_a_network_is_there_once_it_was_made_and_cannot_be_made_again(world: World) -> None:
    name = new_name()
    assert not await world.engine.has_network(name)

    await world.engine.create_network(name)

    assert await world.engine.has_network(name)
    with pytest.raises(EngineError) as raised:
        await world.engine.create_network(name)
    assert not isinstance(raised.value, NotThere)
