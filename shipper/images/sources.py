"""Looks where the wanted image can come from: this machine, and the registry."""

from shipper.config.image_names import registry_of, repository_of
from shipper.env.mask import Mask
from shipper.errors import AccessDenied, BuildError
from shipper.model.image import ListedImage, Published
from shipper.observe import Hosts, Worlds
from shipper.planning.image_plan import Sources
from shipper.tasks import task_group
from shipper.world import World


async def sources_for(
    worlds: Worlds, hosts: Hosts, image_name: str, mask: Mask, *, can_build: bool = False, digest: str | None = None
) -> Sources:
    """Nobody is asked where all hosts have the image: a rollback needs no Docker here, and no registry."""
    for name, host in hosts.items():
        if not host.image:
            return await find_sources(worlds[name], image_name, mask, can_build=can_build, digest=digest)
    return Sources(image_name=image_name)


async def find_sources(
    world: World, image_name: str, mask: Mask, *, can_build: bool, digest: str | None = None
) -> Sources:
    """The registry is asked by one server for all."""
    async with task_group() as looking:
        finding = looking.create_task(world.images.find(image_name))
        listing = looking.create_task(_ours(world))
    here = finding.result()
    can_push = not digest and (bool(here) or can_build)
    return Sources(
        image_name=image_name,
        digest=digest,
        here=here,
        can_build=can_build,
        registry_name=registry_of(image_name) if world.registry else None,
        published=await find_published(world, image_name, mask, may_lack=can_push, digest=digest),
        others_here=listing.result(),
    )


async def _ours(world: World) -> tuple[ListedImage, ...]:
    try:
        return await world.images.ours()
    except BuildError:
        return ()  # nothing that is removed is worth a deploy that fails


async def find_published(
    world: World, image_name: str, mask: Mask, *, may_lack: bool = False, digest: str | None = None
) -> Published | None:
    """What the registry has under that name, or as that digest; None where there is none.

    It `may_lack` what can be pushed, and be denied for that.
    """
    if not world.registry:
        return None
    if credentials := await world.registry.credentials(image_name):
        mask.add([credentials.password])
    try:
        reference = f"{repository_of(image_name)}@{digest}" if digest else image_name
        return await world.registry.find(reference, world)
    except AccessDenied:
        if not may_lack:
            raise
        return None  # it may be that the repository is made by the first push
