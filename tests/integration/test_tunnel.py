"""The tunnel: a real dockerd pulls from the registry in our own process, through SSH."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from shipper.errors import ConnectError, EngineError
from shipper.hosts.session import connected
from shipper.images.local import LocalImages
from shipper.images.prefixes import contents
from shipper.images.pull_registry import PullRegistry
from shipper.images.saved import read_saved
from shipper.model.image import Credentials
from shipper.model.secret import Secret
from shipper.world import Progress, World
from tests.integration.conftest import Project
from tests.integration.making import layer, load, saved_image
from tests.integration.test_connection import aim
from tests.machines import Machine

pytestmark = pytest.mark.builds

_LAYER = 100_000  # bytes


@asynccontextmanager
async def world_of(project: Project) -> AsyncIterator[World]:
    async with connected(project.opened(), lambda event: None) as worlds:
        (world,) = worlds.values()
        yield world


@asynccontextmanager
async def relay(server: Machine, gives_up_after: int) -> AsyncIterator[int]:
    """A port here that leads to the server's sshd; the line is dead when so many bytes have gone there."""
    left = gives_up_after
    writers: list[asyncio.StreamWriter] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counts: bool) -> None:
        nonlocal left
        while chunk := await reader.read(4096):
            left -= counts * len(chunk)
            if left < 0:
                break
            writer.write(chunk)
        for each in writers:
            each.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection(server.address, 22)
        writers.extend((writer, to_there))
        await asyncio.gather(pass_on(reader, to_there, True), pass_on(there, writer, False), return_exceptions=True)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as listener:
        yield listener.sockets[0].getsockname()[1]


def names_of_ours(server: Machine, project: Project) -> list[str]:
    """Names that are there for the time of a run only."""
    found = server.docker("images", "--format", "{{.Repository}}:{{.Tag}} {{.Digest}}").stdout.splitlines()
    return [line for line in found if f"/{project.service}" in line]


def id_of(made: Machine, image_name: str) -> str:
    return made.docker("image", "inspect", "--format", "{{.Id}}", image_name).stdout


async def test_an_image_arrives_as_it_is_and_nothing_is_left_of_the_way(
    project: Project, laptop: Machine, tmp_path: Path
) -> None:
    lowest = layer()
    first = load(laptop, tmp_path, f"{project.service}:first", [lowest, layer(), layer(), layer()])
    second = load(laptop, tmp_path, f"{project.service}:second", [lowest, layer()])
    ports = project.server.run("cat /proc/net/tcp").stdout.count(" 0A ")
    progress: list[Progress] = []

    async with world_of(project) as world:
        how_first = await world.images.ship(first, world, progress.append)
        how_second = await world.images.ship(second, world, progress.append)
        listening = project.server.run("cat /proc/net/tcp").stdout.count(" 0A ")

    assert how_first.startswith("through the tunnel: 4 of 4 layers, 0.4 MB sent of 0.4 MB")
    assert how_second.startswith("through the tunnel: 1 of 2 layers, 0.1 MB sent of 0.2 MB")
    assert [id_of(project.server, name) for name in (first, second)] == [
        id_of(laptop, name) for name in (first, second)
    ]
    assert listening == ports
    assert names_of_ours(project.server, project) == []


async def test_after_the_link_was_cut_only_what_had_not_arrived_is_sent_again(
    project: Project, laptop: Machine, tmp_path: Path
) -> None:
    image = load(laptop, tmp_path, f"{project.service}:1", [layer() for _ in range(4)])

    async with relay(project.server, gives_up_after=int(3.5 * _LAYER)) as port:
        aim(project, host=f"127.0.0.1:{port}")
        project.write(
            "config/known_hosts", project.server.host_key.replace(project.server.address, f"[127.0.0.1]:{port}")
        )
        with pytest.raises(ConnectError):
            await ship_in_small_prefixes(project, image)
    left = names_of_ours(project.server, project)
    project.configure()
    project.write("config/known_hosts", project.server.host_key)
    async with world_of(project) as world:
        how = await world.images.ship(image, world, lambda progress: None)

    assert left != []
    assert how.startswith(f"through the tunnel: {4 - len(left)} of 4 layers")
    assert names_of_ours(project.server, project) == []


async def ship_in_small_prefixes(project: Project, image_name: str) -> None:
    """Each layer is made to stay."""
    async with world_of(project) as world:
        with closing(LocalImages(project.opened(), prefix_size=_LAYER)) as images:
            await images.ship(image_name, world, lambda progress: None)


async def test_an_interrupt_while_an_image_is_on_its_way_leaves_nothing(
    project: Project, laptop: Machine, tmp_path: Path
) -> None:
    image = load(laptop, tmp_path, f"{project.service}:1", [layer() for _ in range(4)])
    ships: list[asyncio.Task[str]] = []

    def interrupt(progress: Progress) -> None:
        if progress.done > 2.5 * _LAYER:
            ships[0].cancel()

    async with world_of(project) as world, asyncio.TaskGroup() as group:
        with closing(LocalImages(project.opened(), prefix_size=_LAYER)) as images:
            ships.append(group.create_task(images.ship(image, world, interrupt)))
            async with asyncio.timeout(10):
                await asyncio.wait(ships)

        assert ships[0].cancelled()
        assert await world.engine.image(image) is None
        assert names_of_ours(project.server, project) == []


async def test_an_image_of_which_the_server_was_given_most_by_hand_goes_as_an_archive(
    project: Project, laptop: Machine, tmp_path: Path
) -> None:
    lowest = [layer(), layer()]
    load(project.server, tmp_path, f"{project.service}:by-hand", lowest)
    image = load(laptop, tmp_path, f"{project.service}:1", [*lowest, layer()])

    async with world_of(project) as world:
        how = await world.images.ship(image, world, lambda progress: None)

    since = (
        "as an archive, since most layers are there, but did not come through the tunnel: 1 of 3 layers, 0.1 MB sent"
    )
    assert how.startswith(since)
    assert id_of(project.server, image) == id_of(laptop, image)
    assert names_of_ours(project.server, project) == []


async def test_docker_pulls_nothing_with_a_wrong_password(project: Project, tmp_path: Path) -> None:
    saved = read_saved(saved_image(tmp_path, "any", [layer()]))
    registry = PullRegistry(f"tunnel/{project.service}", contents(saved, (1,)))

    async with world_of(project) as world, world.host.serving(registry.serve) as port:
        wrong = Credentials(username=registry.credentials.username, password=Secret("wrong"))
        with pytest.raises(EngineError):
            await world.engine.pull(f"127.0.0.1:{port}/tunnel/{project.service}:1", wrong, lambda progress: None)

    assert registry.layers_sent == set()
