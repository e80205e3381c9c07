"""World over the images of this machine: find, build, and ship straight over SSH."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from shipper.errors import ConnectError, DiskFull, EngineError, ForwardingDisabled, ImageError, ShipperError
from shipper.images.archive import Archive, known_layers
from shipper.images.docker_cli import DockerCli
from shipper.images.saved import Saved, read_saved
from shipper.images.tunnel import PREFIX, Tunnel, remove_names
from shipper.model.image import Image, ListedImage
from shipper.model.words import size_text
from shipper.project import Project
from shipper.tasks import finish, task_group
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
        self._found: dict[str, Image] = {}
        self._folders = ExitStack()

    def close(self) -> None:
        """Removes what was saved for the servers."""
        self._folders.close()

    async def find(self, image_name: str) -> Image | None:
        image = await self._docker.find(image_name)
        if image:
            self._found[image_name] = image
        return image

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

    async def ours(self) -> tuple[ListedImage, ...]:
        return await self._docker.ours()

    async def remove(self, image_name: str) -> None:
        await self._docker.remove(image_name)

    async def limit_cache(self, size: int) -> None:
        await self._docker.limit_cache(size)

    async def ship(self, image_name: str, world: World, report: Report) -> str:
        image = self._found.get(image_name) or await self.find(image_name)
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
        async with task_group() as looking:
            saving = looking.create_task(self._save(image_name))
            asking = looking.create_task(world.engine.storage())
            listing = looking.create_task(world.engine.images())
        saved, storage, there = saving.result(), asking.result(), listing.result()
        if saved.manifest:
            there = await self._with_room(saved, there, storage, world)
        known = _known(saved, there)
        names = self._tunnel.names(there)
        try:
            how = await self._by_some_way(saved, image_name, known, names, storage, world, report)
        except (ConnectError, TimeoutError):
            raise  # the next run goes on from what has arrived
        except (ShipperError, asyncio.CancelledError):
            await finish(remove_names(names, world))
            raise
        await remove_names(names, world)
        return how

    async def _with_room(
        self, saved: Saved, there: tuple[Image, ...], storage: Storage, world: World
    ) -> tuple[Image, ...]:
        """The images there; where the disk is short, without what ships of other images left that were cut off."""
        try:
            await _refuse_full_disk(world, storage, _lacking(saved, there))
            return there
        except DiskFull:
            of_others = [other for other in there if _known(saved, [other]) < len(other.layers)]
            if not (names := self._tunnel.names(of_others)):
                raise
        await remove_names(names, world)
        there = await world.engine.images()
        await _refuse_full_disk(world, storage, _lacking(saved, there))
        return there

    async def _by_some_way(
        self,
        saved: Saved,
        image_name: str,
        known: int,
        names: list[str],
        storage: Storage,
        world: World,
        report: Report,
    ) -> str:
        """Through the tunnel; where that is refused, as an archive without the layers that are there, or with all.

        What the tunnel has named stays until the end: of the `known` layers some may lie nowhere else.
        """
        left_out = 0 if storage.is_containerd else known  # the containerd image store takes no archive without them
        why = "docker save gave an image of several platforms"
        if saved.manifest:
            try:
                return await self._tunnel.ship(saved, image_name, known, left_out, names, world, report)
            except (EngineError, ForwardingDisabled) as error:
                why = error.what
        if left_out:
            report(Progress(done=0, total=0, unit="bytes", detail=f"as an archive, since {why}"))
            try:
                return await self._load(world, storage, Archive(saved, image_name, left_out), why, report)
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


def _known(saved: Saved, there: Collection[Image]) -> int:
    """How many of the lowest layers are in one of these images."""
    return known_layers(saved.diff_ids, [image.layers for image in there])


def _lacking(saved: Saved, there: Collection[Image]) -> int:
    """Bytes of the layers that are in none of these images."""
    return sum(layer.size for layer in saved.layers[_known(saved, there) :])


async def _refuse_full_disk(world: World, storage: Storage, size: int) -> None:
    """What arrives lies beside Docker's store until it is unpacked there: it is there twice for a moment."""
    if storage.is_containerd:
        return  # its images lie where containerd was told to put them, which Docker does not tell
    needed = 2 * size + _RESERVE
    disk = await world.host.disk(storage.folder)
    if disk and disk.free < needed:
        raise DiskFull(
            f"{world.host_name}: the image needs {size_text(needed)} of disk while it arrives, "
            f"and {storage.folder} has {size_text(disk.free)}.",
        )
