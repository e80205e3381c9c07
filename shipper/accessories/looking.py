"""What is read before anything is decided of accessories: values here, and what the hosts have."""

import secrets as random
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace

from shipper.accessories.plan import Found, Source, lacks
from shipper.accessories.wanted import Placed, Wanted, wanted
from shipper.config.parts import Registry
from shipper.env.mask import Mask
from shipper.errors import (
    BuildError,
    ConfigError,
    ConnectError,
    ImageError,
    LockLost,
    RegistryError,
    SecretError,
    UsageError,
)
from shipper.model.secret import Env
from shipper.observe import Worlds
from shipper.operations.deployment import available_secrets
from shipper.project import Project
from shipper.tasks import task_group, together
from shipper.world import World


def refuse_roles(project: Project) -> None:
    if project.role_names:
        raise UsageError("An accessory is of no role.", now="Nothing was done.", next="Name it, without --role.")


def hosts_of(project: Project, name: str) -> tuple[str, ...]:
    """Where an accessory is meant."""
    hosts = project.config.accessory_hosts(name)
    return tuple(host for host in hosts if not project.host_names or host in project.host_names)


def all_hosts(project: Project, names: Collection[str]) -> tuple[str, ...]:
    """Where these are meant, in the order of the config. Raises UsageError if that is nowhere, or roles are meant."""
    refuse_roles(project)
    found = {host_name for name in names for host_name in hosts_of(project, name)}
    if not found:
        on = ", ".join(project.host_names)
        raise UsageError(f"No host among {on} runs {' or '.join(names)}.", now="Nothing was done.")
    return tuple(name for name in project.config.hosts if name in found)


def with_registries(project: Project) -> Project:
    """The same, with a way to any registry: the images of accessories come from there, whatever the service's do."""
    registry = project.config.registry or Registry()
    return replace(project, config=project.config.model_copy(update={"registry": registry}))


async def secrets_of(project: Project, names: Collection[str], mask: Mask) -> Env:
    """Those that these accessories name; no others are asked for. Raises SecretError where one has no value here."""
    needed = {secret for name in names for secret in project.config.accessories[name].secret_names}
    sources = {name: source for name, source in project.config.secrets.items() if name in needed}
    found = await available_secrets(
        replace(project, config=project.config.model_copy(update={"secrets": sources})), mask
    )
    if missing := [name for name in sources if name not in found]:
        raise SecretError(
            f"No value for the secret{'s' * (len(missing) > 1)} {', '.join(missing)}.",
            now="Nothing was done.",
            next=f"{project.config.where_to_set(missing)}.",
        )
    return found


def placed_of(project: Project, names: Collection[str]) -> list[Placed]:
    """Each on each of its hosts that are meant, in the order of the config."""
    return [
        Placed(
            host_name=host_name,
            name=name,
            config=project.config.accessories[name],
            container_name=f"{project.full_name}-{name}",
        )
        for name in names
        for host_name in hosts_of(project, name)
    ]


def wanted_of(project: Project, names: Collection[str], secrets: Env) -> list[Wanted]:
    """The same with all that they are to be. Raises ConfigError where a file is not there."""
    texts = {name: _texts(project, name) for name in names}
    return [
        wanted(project.full_name, one, secrets=secrets, texts=texts[one.name], salt=random.token_hex(4))
        for one in placed_of(project, names)
    ]


def _texts(project: Project, name: str) -> Mapping[str, Mapping[str, str]]:
    found = {}
    for path, file in project.config.accessories[name].files.items():
        if file.source:
            found[file.source] = project.read_all(file.source)
            if not found[file.source]:
                key = f"accessories.{name}.files.{path}.source"
                raise ConfigError(f"{key}: there is no file {file.source}, nor a folder with any.")
    return found


async def look(project: Project, worlds: Worlds) -> dict[str, Found]:
    return await together({name: _look(project, world) for name, world in worlds.items()})


async def _look(project: Project, world: World) -> Found:
    names = {accessory.image for accessory in project.config.accessories.values()}
    async with task_group() as reads:
        platform = reads.create_task(world.engine.platform())
        containers = reads.create_task(world.engine.accessories())
        has_network = reads.create_task(world.engine.has_network(project.full_name))
        images = {name: reads.create_task(world.engine.image(name)) for name in names}
    return Found(
        host_name=world.host_name,
        platform=platform.result(),
        has_network=has_network.result(),
        containers=containers.result(),
        images={name: image.result() for name, image in images.items()},
    )


async def writers_of(meant: Collection[Wanted], worlds: Worlds) -> dict[str, dict[str, str]]:
    """What others write into that these are to write into, by host and volume."""
    volumes = {name: {v for one in meant if one.host_name == name for v in one.written_volumes} for name in worlds}
    return await together({name: worlds[name].engine.writers(written) for name, written in volumes.items()})


async def sources_of(
    meant: Collection[Wanted], worlds: Worlds, hosts: Mapping[str, Found], mask: Mask, *, newer: bool
) -> dict[str, Source]:
    """Where the images can come from that are to come; each registry is asked by the first host that lacks it."""
    asking = {
        one.config.image: worlds[one.host_name]
        for one in reversed([*meant])
        if lacks(hosts[one.host_name], one.config.image, newer=newer)
    }
    return await together({image_name: _source(image_name, world, mask) for image_name, world in asking.items()})


async def _source(image_name: str, world: World, mask: Mask) -> Source:
    assert world.registry, "with_registries() sees to that"
    problem: RegistryError | ImageError | ConnectError | None = None
    try:
        if credentials := await world.registry.credentials(image_name):
            mask.add([credentials.password])
        if published := await world.registry.find(image_name, world):
            return Source(published=published)
    except LockLost:
        raise
    except (RegistryError, ImageError, ConnectError) as error:
        problem = error
    here = None
    if "@" not in image_name:  # by its digest only a registry knows it
        with suppress(BuildError):  # there is no Docker here
            here = await world.images.find(image_name)
    return Source(here=here, problem=problem)
