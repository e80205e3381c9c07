"""The way of an image through the SSH connection: the server's Docker pulls it from a registry in our own process.

The registry listens on the server's 127.0.0.1, from where Docker pulls without TLS. Each prefix of the image that has
arrived is an image there with a name of ours, so that its layers stay when the link is cut. Whoever ships the image
removes these names when all is there, and with them those that earlier runs left.
"""

import asyncio
from collections.abc import Collection

from shipper.errors import ConnectError, EngineError
from shipper.images.prefixes import contents, prefixes
from shipper.images.pull_registry import PullRegistry
from shipper.images.saved import Saved
from shipper.model.image import Image, is_of_tunnel, tunnel_repository
from shipper.model.words import size_text
from shipper.tasks import task_group
from shipper.world import Progress, Report, World

PREFIX = 32_000_000  # bytes: at 100 ms one more pull takes 1.2 s, in which OpenSSH moves 24 MB at best


class LayersUnknown(EngineError):
    """The server's Docker asks for layers that it has: it knows by their digests only those that it has pulled."""


class Tunnel:
    def __init__(self, service: str, prefix_size: int, deadline: float) -> None:
        """After each `prefix_size` bytes, what has arrived is made to stay."""
        self._service = service
        self._repository = tunnel_repository(service)
        self._prefix_size = prefix_size
        self._deadline = deadline

    def names(self, images: Collection[Image]) -> list[str]:
        """The names of ours that these images have."""
        return [name for image in images for name in image.names if is_of_tunnel(name, self._service)]

    async def ship(
        self,
        saved: Saved,
        image_name: str,
        known: int,
        left_out: int,
        names: list[str],
        world: World,
        report: Report,
    ) -> str:
        """Moves the image, of which the server has the `known` lowest layers; returns in words how.

        An archive would leave out the `left_out` lowest ones. What arrives is added to `names`. Raises
        ForwardingDisabled, LayersUnknown where it would mostly send what is there, TimeoutError after the deadline, and
        what Engine raises.
        """
        counts = prefixes(saved.layers, known, self._prefix_size)
        missing = sum(layer.size for layer in saved.layers[known:])
        percent = 0

        def on_sent() -> None:
            nonlocal percent
            before, percent = percent, 100 * registry.sent // max(missing, 1)
            if percent > before:  # not each piece is news
                report(progress_of(registry.sent, missing))

        registry = PullRegistry(
            self._repository, contents(saved, counts), withheld=_not_worth_sending(saved, left_out), on_sent=on_sent
        )
        await self._pull(registry, counts, names, world)
        await world.engine.tag(names[-1], image_name)
        sent, whole = size_text(registry.sent), size_text(sum(layer.size for layer in saved.layers))
        return f"through the tunnel: {len(registry.layers_sent)} of {len(saved.layers)} layers, {sent} sent of {whole}"

    async def _pull(self, registry: PullRegistry, counts: Collection[int], names: list[str], world: World) -> None:
        """Adds to `names` those that it gives to what arrives. The last one is that of the whole image."""

        async def pull(port: int) -> None:
            for count in counts:
                names.append(f"127.0.0.1:{port}/{self._repository}:{count}")  # localhost could be ::1
                await world.engine.pull(names[-1], registry.credentials, lambda progress: None)

        try:
            # when we are interrupted the registry ends first: then Docker, which we wait for, has nothing to wait for
            async with (
                asyncio.timeout(self._deadline),
                task_group() as group,
                world.host.serving(registry.serve) as port,
            ):
                await asyncio.wait([group.create_task(pull(port))])
        except EngineError:
            if registry.has_refused:
                raise LayersUnknown("most layers are there, but did not come through the tunnel") from None
            raise


def progress_of(sent: int, missing: int) -> Progress:
    """`missing` are the bytes of the layers. Manifests go as well, and nobody knows how much of these is to come."""
    total = max(missing, sent) if missing else 0
    of_total = f"of {size_text(total)} " if total else ""
    return Progress(done=sent, total=total, unit="bytes", detail=f"{of_total}through the tunnel")


def _not_worth_sending(saved: Saved, left_out: int) -> set[str]:
    """Layers that an archive would leave out, if they are more than the others.

    Otherwise they are sent when Docker asks for them, and are known to it from then on.
    """
    has, lacks = saved.layers[:left_out], saved.layers[left_out:]
    if sum(layer.size for layer in has) <= sum(layer.size for layer in lacks):
        return set()
    return {layer.digest for layer in has} - {layer.digest for layer in lacks}


async def remove_names(names: Collection[str], world: World) -> None:
    async def remove(name: str) -> None:
        try:
            await world.engine.remove_image(name)
        except (EngineError, ConnectError):
            return  # it is not there; or else the next run removes it

    await asyncio.gather(*map(remove, names))
