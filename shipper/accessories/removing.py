"""The story of `shipper accessory remove`: also of what the config names no more."""

from collections.abc import Collection

from shipper.accessories.looking import refuse_roles
from shipper.errors import UsageError
from shipper.events import Tell
from shipper.hosts.session import connected
from shipper.model.container import Container
from shipper.observe import Worlds
from shipper.operations.belongings import Belongings
from shipper.operations.deployment import holding, ignore
from shipper.operations.precautions import refuse_if_frozen
from shipper.operations.removal import Removed, refuse_more, take_away
from shipper.project import Project
from shipper.tasks import task_group, together
from shipper.world import World

_STOP_TIMEOUT = 30.0  # seconds, where the config does not name it any more


async def find_accessories(project: Project, names: Collection[str], *, tell: Tell = ignore) -> tuple[Belongings, ...]:
    """What each host that is meant has of these accessories. Raises ShipperError."""
    refuse_roles(project)
    async with connected(project, tell, project.affected_hosts) as worlds:
        return await _looked(project, names, worlds)


async def remove_accessories(
    project: Project,
    names: Collection[str],
    *,
    volumes: bool = False,
    confirmed: tuple[Belongings, ...] | None = None,
    wait: float = 0.0,
    tell: Tell = ignore,
) -> tuple[Removed, ...]:
    """Takes these accessories away from the hosts that are meant; `volumes` removes their data as well.

    As `remove` does with the whole service.
    """
    refuse_roles(project)
    purpose = f"removal of {', '.join(names)}"
    asked = connected(project, tell, project.affected_hosts)
    async with asked as worlds, holding(project, worlds, purpose, wait):
        await refuse_if_frozen(worlds)
        found = await _looked(project, names, worlds)
        if volumes:
            _refuse_shared(project, names, found)
        if confirmed is not None:
            refuse_more(found, {was.host_name: was for was in confirmed})
        there = [was for was in found if not was.is_empty or (volumes and was.volume_names)]
        removed = await together({was.host_name: take_away(worlds[was.host_name], was, volumes) for was in there})
    return tuple(removed.values())


def _refuse_shared(project: Project, names: Collection[str], found: Collection[Belongings]) -> None:
    """Docker would refuse only as long as a container is there that has the volume."""
    config = project.config
    others = {**config.roles, **{name: one for name, one in config.accessories.items() if name not in names}}
    for name, workload in others.items():
        for volume in workload.named_volumes:
            if any(volume in was.volume_names for was in found):
                raise UsageError(
                    f"The volume {volume} is that of {name} too.",
                    now="Nothing was removed.",
                    next="Without --volumes the accessory goes, and the data stay.",
                )


async def _looked(project: Project, names: Collection[str], worlds: Worlds) -> tuple[Belongings, ...]:
    found = tuple((await together({name: _look(project, names, world) for name, world in worlds.items()})).values())
    there = {container.role_name for was in found for container in was.containers}
    if unknown := [name for name in names if name not in there and name not in project.config.accessories]:
        raise UsageError(
            f'There is no accessory "{unknown[0]}", neither in the config nor on {", ".join(worlds)}.',
            now="Nothing was done.",
        )
    return found


async def _look(project: Project, names: Collection[str], world: World) -> Belongings:
    async with task_group() as reads:
        listing = reads.create_task(world.engine.accessories())
        volumes = reads.create_task(world.engine.volumes())
    mine = tuple(container for container in listing.result() if container.role_name in names)
    config = project.config.accessories
    here = [name for name in names if name in config and world.host_name in project.config.accessory_hosts(name)]
    named = {volume for name in here for volume in config[name].named_volumes}
    mounted = {volume for container in mine for volume in container.volumes}
    return Belongings(
        host_name=world.host_name,
        containers=mine,
        volume_names=tuple(sorted((named | mounted) & set(volumes.result()))),
        stop_timeouts={container.name: _stop_timeout(project, container) for container in mine},
    )


def _stop_timeout(project: Project, container: Container) -> float:
    accessory = project.config.accessories.get(container.role_name)
    return accessory.stop_timeout if accessory else _STOP_TIMEOUT
