"""World over the images of this machine: find, build, and ship straight over SSH."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from shipper.errors import ConnectError, DiskFull, EngineError, ImageError
from shipper.images.archive import Archive, can_leave_out, known_layers
from shipper.images.docker_cli import DockerCli
from shipper.model import Image, size_text
from shipper.project import Project
from shipper.world import Progress, Report, Storage, World

_RESERVE = 10_000_000  # bytes that stay free on the server's disk


class LocalImages:
    def __init__(self, project: Project) -> None:
        self._docker = DockerCli(project)
        self._deadline = project.config.timeouts.ship

    async def find(self, image_name: str) -> Image | None:
        return await self._docker.find(image_name)

    async def build(self, image_name: str, platform: str, say: Callable[[str], None]) -> Image:
        await self._docker.build(image_name, platform, say)
        image = await self.find(image_name)
        if not image or image.platform != platform:
            raise ImageError(
                f"The build made {image_name} for {image.platform if image else 'nowhere'}, not for {platform}.",
                now="Nothing was deployed.",
                next="Does the Dockerfile fix a platform (FROM --platform)? Other processors need BuildKit and QEMU.",
            )
        return image

    async def ship(self, image_name: str, world: World, report: Report) -> str:
        image = await self.find(image_name)
        if not image:
            raise ImageError(f"This machine has no image {image_name} any more.")
        storage = await world.engine.storage()
        known = 0
        if not storage.is_containerd:
            known = known_layers(image.layers, [other.layers for other in await world.engine.images()])
        with tempfile.TemporaryDirectory(prefix="shipper-image-") as folder:
            saved = Path(folder, "image.tar")
            await self._docker.save(image_name, saved)
            if not await asyncio.to_thread(can_leave_out, saved):
                known = 0
            try:
                return await self._send(world, storage, Archive(saved, image_name, known), image, report)
            except EngineError as error:
                if not known:
                    raise
                report(Progress(done=0, total=0, unit="bytes", detail=f"sending all layers, since {error.what}"))
                return await self._send(world, storage, Archive(saved, image_name, 0), image, report)

    async def _send(self, world: World, storage: Storage, archive: Archive, image: Image, report: Report) -> str:
        size = await asyncio.to_thread(archive.size)
        await _refuse_full_disk(world, storage, size)
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def on_chunk() -> None:
            if task and task.cancelling():
                raise ConnectError("interrupted while the image was on its way")
            progress = Progress(done=archive.sent, total=0, unit="bytes", detail=f"of at most {size}")
            loop.call_soon_threadsafe(report, progress)

        try:
            async with asyncio.timeout(self._deadline):
                await world.engine.load(archive.chunks(on_chunk))
        except TimeoutError:
            raise ConnectError(f"{world.host_name}: the image did not arrive within {self._deadline:g} s.") from None
        arrived = await world.engine.image(archive.image_name)
        if not arrived or not arrived.same_as(image):
            raise ImageError(f"{world.host_name}: the image that arrived is not the one that was sent.")
        layers = len(image.layers)
        return f"{layers - archive.left_out} of {layers} layers, {size_text(archive.sent)} sent for {size_text(size)}"


async def _refuse_full_disk(world: World, storage: Storage, size: int) -> None:
    """Docker unpacks an archive beside its store before it takes the layers in: they are there twice for a moment."""
    needed = 2 * size + _RESERVE
    free = await world.host.free_disk(storage.folder)
    if free is not None and free < needed:
        raise DiskFull(
            f"{world.host_name}: the image needs {size_text(needed)} of disk while it is loaded, "
            f"and {storage.folder} has {size_text(free)}.",
        )
