"""Config, template and files of a version, from its image: where there is no Git that knows it."""

import asyncio
import posixpath
from dataclasses import replace
from functools import partial

from shipper import git
from shipper.env.mask import Mask, masking
from shipper.errors import ImageError
from shipper.events import Tell
from shipper.hosts.session import looking
from shipper.images.sources import find_published
from shipper.model.observed import Observed
from shipper.observe import Hosts, Worlds, observe_all
from shipper.operations.deployment import ignore
from shipper.planning.versions import LATEST, Version, could_be_tag, unknown, version_meant, versions_of
from shipper.project import Project, config_files
from shipper.project.opening import open_project, with_files_of
from shipper.steps.pull import Pull
from shipper.tasks import together
from shipper.telling import told
from shipper.world import World


async def list_versions(base: Project, *, tell: Tell = ignore) -> tuple[Version, ...]:
    """The versions that the hosts have images of, or records, the newest first. Raises ShipperError.

    None where the config names a ready-made image.
    """
    async with looking(base, tell) as worlds:
        hosts = await observe_all(base, worlds, None, list_images=True)
    return versions_of(hosts, base.config.image)


async def project_of(base: Project, asked: str, *, tell: Tell = ignore) -> Project:
    """The same project at another version, with the config, template and files of that version.

    `asked` is a commit that Git knows in the folder of `base`; else a version that the hosts have an image of, or its
    first characters (four, if no other begins so), or a tag of the registry, which is pulled to one of the hosts; or
    "latest": the registry's, else the newest that there is. What the image has in the folder of the config, in its
    working folder, is read from it there, without running it. Where `base` names a ready-made image, it is `base`.
    Raises ShipperError.
    """
    if base.config.fixed_version:
        return base
    if await asyncio.to_thread(git.knows, base.root, asked):
        return await asyncio.to_thread(_of_commit, base, asked)
    with masking(tell) as (tell, mask):
        async with looking(base, tell) as worlds:
            hosts = await observe_all(base, worlds, None, list_images=True)
            world, version = await _located(base, asked, worlds, hosts, mask, tell)
            return await _read(base, world, version)


def _of_commit(base: Project, asked: str) -> Project:
    return open_project(
        base.root,
        config_file=base.config_file,
        destination=base.destination,
        revision=asked,
        digest=base.digest,
        hosts=base.host_names,
        roles=base.role_names,
        environ=base.environ,
        performer=base.performer,
        origin=base.origin,
        connections=base.connections,
        shown_in=base.shown_in,
        inside=base.inside,
    )


async def _located(
    base: Project, asked: str, worlds: Worlds, hosts: Hosts, mask: Mask, tell: Tell
) -> tuple[World, str]:
    """Which version is meant, and a server that has its image."""
    versions, first = versions_of(hosts, base.config.image), next(iter(worlds.values()))
    is_unnamed = asked == LATEST or base.digest is not None
    if is_unnamed and await _pull(first, f"{base.config.image}:{LATEST}", base.digest, mask, tell):
        return first, await _named_after_its_commit(base, first, hosts[first.host_name])
    meant = version_meant(asked, versions)
    if meant and meant.host_names:
        return worlds[meant.host_names[0]], meant.version
    version = meant.version if meant else asked
    if could_be_tag(version) and await _pull(first, f"{base.config.image}:{version}", None, mask, tell):
        return first, version
    raise unknown(asked, base.config.image, versions, base.config.registry_name if base.config.registry else None)


async def _pull(world: World, image_name: str, digest: str | None, mask: Mask, tell: Tell) -> bool:
    """Whether there is a registry that has it."""
    published = await find_published(world, image_name, mask, digest=digest)
    if published:
        because = "its config is read from it"
        step = Pull(host_name=world.host_name, image_name=image_name, digest=published.digest, because=because)
        await told(step, world.clock, tell, partial(step.do, world))
    return published is not None


async def _named_after_its_commit(base: Project, world: World, before: Observed) -> str:
    """`latest` is another version each time, so it names no release; under this name the image would stay for ever.

    What had that name `before` we pulled was somebody's own.
    """
    latest = f"{base.config.image}:{LATEST}"
    image = await world.engine.image(latest)
    version = image.provenance.revision if image else ""
    if not could_be_tag(version):
        raise ImageError(
            f"Nothing tells which version {latest} is: it has no label org.opencontainers.image.revision.",
            now="Nothing was deployed.",
            next="Name the version; or have the label put on it where the image is built, as shipper does.",
        )
    names = {name for other in before.images for name in other.names}
    if f"{base.config.image}:{version}" not in names:
        await world.engine.tag(latest, f"{base.config.image}:{version}")
    if latest not in names:
        await world.engine.remove_image(latest)
    return version


async def _read(base: Project, world: World, version: str) -> Project:
    """The folder of the config first, which tells what else there is to be read."""
    image_name = f"{base.config.image}:{version}"
    places = {posixpath.dirname(file) or file for file in map(posixpath.normpath, config_files(base))}
    files = await _files(world, image_name, places)
    made = await asyncio.to_thread(with_files_of, base, version, files, f"image {image_name}")
    elsewhere = {path for path in made.paths if posixpath.dirname(path) not in places and path not in files}
    return replace(made, files={**files, **await _files(world, image_name, elsewhere)})


async def _files(world: World, image_name: str, paths: set[str]) -> dict[str, bytes]:
    found = await together({path: world.engine.files(image_name, path) for path in paths})
    return {path: content for of_place in found.values() for path, content in of_place.items()}
