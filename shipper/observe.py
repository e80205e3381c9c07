"""Every read that is made before anything is decided: all at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shipper.errors import EngineError
from shipper.model.container import Container
from shipper.model.image import ListedImage
from shipper.model.observed import Observed, Serving
from shipper.model.records import Freeze
from shipper.project import Project
from shipper.tasks import task_group, together
from shipper.world import Inside, World

Worlds = Mapping[str, World]
Hosts = Mapping[str, Observed]

_SHORTEST_ID = 12  # characters of it that Docker makes the container's host name


async def observe(world: World, *, image_name: str | None, network_name: str, list_images: bool = False) -> Observed:
    """With a list of all images for those who may remove some."""
    async with task_group() as reads:
        platform = reads.create_task(world.engine.platform())
        containers = reads.create_task(world.engine.containers())
        releases = reads.create_task(world.state.releases())
        image = reads.create_task(world.engine.image(image_name)) if image_name else None
        has_network = reads.create_task(world.engine.has_network(network_name))
        listed = reads.create_task(_listed(world)) if list_images else None
    found = sorted(containers.result(), key=lambda container: container.name)
    ours = tuple(container for container in found if not container.run and not container.accessory)
    observed = Observed(
        host_name=world.host_name,
        platform=platform.result(),
        containers=ours,
        runs=tuple(container for container in found if container.run),
        accessories=tuple(container for container in found if container.accessory),
        releases=releases.result(),
        image=image.result() if image else None,
        has_network=has_network.result(),
        images=listed.result() if listed else (),
        own=own_among(ours, world.inside),
    )
    if any(container.was_stopped for container in observed.incumbents):
        return replace(observed, stopped_roles=stopped_roles(await world.journal.read()))
    return observed


def own_among(containers: Iterable[Container], inside: Inside | None) -> Container | None:
    """PURE: that in which we run. Machines are called `db` or `cafe`, as some ids begin."""
    known = inside.container_id if inside else ""
    is_id = len(known) >= _SHORTEST_ID
    return next((container for container in containers if is_id and container.id.startswith(known)), None)


def stopped_roles(entries: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """PURE: the roles in which the last to stop what served was `shipper stop`, and not a deploy that died then.

    What did not serve was only in the way of a deploy: it says nothing of what did.
    """
    last = {
        str(entry.get("role_name")): (entry["step"], entry.get("command"))
        for entry in entries
        if entry.get("event") == "begin"
        and entry.get("step") in ("stop", "handover", "retire")
        and entry.get("was_serving", True)
    }
    return frozenset(role_name for role_name, what in last.items() if what == ("stop", "stop"))


async def _listed(world: World) -> tuple[ListedImage, ...]:
    try:
        return await world.engine.list_images()
    except EngineError:
        return ()  # nothing that is removed is worth a deploy that fails


async def observe_all(
    project: Project, worlds: Worlds, image_name: str | None, *, list_images: bool = False
) -> dict[str, Observed]:
    looks = {
        name: observe(world, image_name=image_name, network_name=project.full_name, list_images=list_images)
        for name, world in worlds.items()
    }
    return await together(looks)


def serving_of(hosts: Hosts) -> Iterator[Serving]:
    """One line for each role of each host."""
    for host in hosts.values():
        for role_name in dict.fromkeys(container.role_name for container in host.containers):
            yield Serving(
                host_name=host.host_name,
                role_name=role_name,
                container=host.serving(role_name),
                stopped=host.stopped(role_name),
            )


async def freezes_that_hold(worlds: Worlds) -> dict[str, Freeze]:
    """For each host that has one."""
    found = await together({name: world.state.freeze() for name, world in worlds.items()})
    return {name: freeze for name, freeze in found.items() if freeze and freeze.holds(now(worlds))}


def now(worlds: Worlds) -> datetime:
    return next(iter(worlds.values())).clock.now()
