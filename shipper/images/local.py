"""World over the images of this machine: find, build, and ship straight over SSH."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from shipper.errors import ConnectError, DiskFull, EngineError, ForwardingDisabled, ImageError
from shipper.images.archive import Archive, known_layers
from shipper.images.docker_cli import DockerCli
from shipper.images.saved import Saved, read_saved
from shipper.images.tunnel import PREFIX, Tunnel
from shipper.model import Image, size_text
from shipper.project import Project
from shipper.world import Progress, Report, Storage, World

_RESERVE = 10_000_000  # bytes that stay free on the server's disk


class LocalImages:
    def __init__(self, project: Project, prefix_size: int = PREFIX) -> None:
        """For one session. After each `prefix_size` bytes, what has arrived of an image is made to stay."""
        self._docker = DockerCli(project)
        self._deadline = project.config.timeouts.ship
        self._tunnel = Tunnel(project.full_name, prefix_size, self._deadline)
        self._saving = asyncio.Lock()
        self._saved: dict[str, Saved] = {}
        self._folders = ExitStack()

    def close(self) -> None:
        """Removes what was saved for the servers."""
        self._folders.close()

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
        try:
            how = await self._move(image_name, image, world, report)
        except TimeoutError:
            raise ConnectError(f"{world.host_name}: the image did not arrive within {self._deadline:g} s.") from None
        arrived = await world.engine.image(image_name)
        if not arrived or not arrived.same_as(image):
            raise ImageError(f"{world.host_name}: the image that arrived is not the one that was sent.")
        return how

    async def _move(self, image_name: str, image: Image, world: World, report: Report) -> str:
        """Through the tunnel; where that is refused, as an archive without the layers that are there, or with all."""
        saved, storage, there = await asyncio.gather(
            self._save(image_name), world.engine.storage(), world.engine.images()
        )
        known = 0  # on the containerd image store no archive could leave them out
        if saved.manifest and not storage.is_containerd:
            known = known_layers(image.layers, [other.layers for other in there])
        why = "docker save gave an image of several platforms"
        if saved.manifest:
            await _refuse_full_disk(world, storage, sum(layer.size for layer in saved.layers[known:]))
            try:
                return await self._tunnel.ship(saved, image_name, known, there, world, report)
            except (EngineError, ForwardingDisabled) as error:
                why = error.what
        if known:
            report(Progress(done=0, total=0, unit="bytes", detail=f"as an archive, since {why}"))
            try:
                return await self._load(world, storage, Archive(saved, image_name, known), why, report)
            except EngineError as error:
                why = f"{why}; {error.what}"
        report(Progress(done=0, total=0, unit="bytes", detail=f"as an archive with all layers, since {why}"))
        return await self._load(world, storage, Archive(saved, image_name, 0), why, report)

    async def _load(self, world: World, storage: Storage, archive: Archive, why: str, report: Report) -> str:
        size = archive.size()
        await _refuse_full_disk(world, storage, size)
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def on_chunk() -> None:
            if task and task.cancelling():
                raise ConnectError("interrupted while the image was on its way")
            progress = Progress(done=archive.sent, total=0, unit="bytes", detail=f"of at most {size}")
            loop.call_soon_threadsafe(report, progress)

        async with asyncio.timeout(self._deadline):
            await world.engine.load(archive.chunks(on_chunk))
        layers = len(archive.saved.layers)
        sent = f"{layers - archive.left_out} of {layers} layers, {size_text(archive.sent)} sent for {size_text(size)}"
        return f"as an archive, since {why}: {sent}"

    async def _save(self, image_name: str) -> Saved:
        """Once, for all servers that want it."""
        async with self._saving:
            if image_name not in self._saved:
                file = Path(self._folders.enter_context(TemporaryDirectory(prefix="shipper-image-")), "image.tar")
                await self._docker.save(image_name, file)
                self._saved[image_name] = await asyncio.to_thread(read_saved, file)
            return self._saved[image_name]


async def _refuse_full_disk(world: World, storage: Storage, size: int) -> None:
    """What arrives lies beside Docker's store until it is unpacked there: it is there twice for a moment."""
    needed = 2 * size + _RESERVE
    free = await world.host.free_disk(storage.folder)
    if free is not None and free < needed:
        raise DiskFull(
            f"{world.host_name}: the image needs {size_text(needed)} of disk while it arrives, "
            f"and {storage.folder} has {size_text(free)}.",
        )
