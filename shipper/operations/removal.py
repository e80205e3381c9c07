"""Takes a service away from servers: nothing that was made for it stays there, but its data if that is not meant.

The folder of its state goes last, with the lock that we hold in it: until then the same command goes on with what was
begun, since the records there tell what else is to go.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from shipper.errors import ConnectError, EngineError, LockLost, NotThere, UsageError
from shipper.events import Tell
from shipper.hosts.session import connected
from shipper.model.container import SERVES_NOT, Container
from shipper.observe import Worlds, observe
from shipper.operations.belongings import Belongings, belongings, of_roles
from shipper.operations.deployment import holding, ignore
from shipper.operations.precautions import refuse_if_frozen
from shipper.project import Project
from shipper.tasks import task_group, together
from shipper.world import World


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What went from one host."""

    host_name: str
    was: Belongings
    kept_volumes: tuple[str, ...]
    """Data of the service, which was not meant to go."""
    refused: Mapping[str, str]
    """What Docker did not remove: names, and why; mostly since a container of someone else uses it."""


async def find_belongings(project: Project, *, tell: Tell = ignore) -> tuple[Belongings, ...]:
    """What each host that is meant has of the service, or of the roles that are meant. Raises ShipperError."""
    async with connected(project, tell) as worlds:
        return await _looked(project, worlds)


async def remove(
    project: Project,
    *,
    volumes: bool = False,
    confirmed: tuple[Belongings, ...] | None = None,
    wait: float = 0.0,
    tell: Tell = ignore,
) -> tuple[Removed, ...]:
    """Takes the service away from the hosts that are meant; of the roles that are meant, only the containers.

    `volumes` removes its data as well. If more is there by now than was `confirmed`, nothing is removed. Another deploy
    is waited for during `wait` seconds; then Locked is raised. Raises ShipperError; the same call again goes on.
    """
    async with connected(project, tell) as worlds, holding(project, worlds, "removal", wait):
        await refuse_if_frozen(worlds)
        found = await _looked(project, worlds)
        if confirmed is not None:
            refuse_more(found, {was.host_name: was for was in confirmed})
        removed = await together({was.host_name: take_away(worlds[was.host_name], was, volumes) for was in found})
    return tuple(removed.values())


async def _looked(project: Project, worlds: Worlds) -> tuple[Belongings, ...]:
    found = await together({name: _look(project, world) for name, world in worlds.items()})
    return tuple(found.values())


async def _look(project: Project, world: World) -> Belongings:
    full_name = project.full_name
    async with task_group() as looking:
        observing = looking.create_task(observe(world, image_name=None, network_name=full_name, list_images=True))
        networks = looking.create_task(world.engine.own_networks())
        volumes = looking.create_task(world.engine.volumes())
        existing = looking.create_task(world.state.exists())
    observed = observing.result()
    read = await together({release.number: world.state.payload(release.number) for release in observed.releases})
    whole = belongings(
        full_name,
        observed,
        {number: payload for number, payload in read.items() if payload},
        config=project.config,
        network_names=networks.result(),
        volume_names=volumes.result(),
        has_state=existing.result(),
    )
    return of_roles(whole, project.role_names) if project.role_names else whole


def refuse_more(found: tuple[Belongings, ...], confirmed: Mapping[str, Belongings]) -> None:
    for there in found:
        if not there.is_within(confirmed[there.host_name]):
            raise UsageError(
                f"{there.host_name}: there is more than when you were asked; someone has deployed meanwhile.",
                now="Nothing was removed.",
                next="The same command again shows what is there now.",
            )


async def take_away(world: World, was: Belongings, volumes: bool) -> Removed:
    """What was found goes from its host."""
    try:
        return await _removed(world, was, volumes)
    except LockLost:
        raise
    except ConnectError as error:
        raise ConnectError(
            f"{world.host_name}: {error.what.removeprefix(f'{world.host_name}: ')}",
            now="What was removed by then is gone.",
            next="The same command again goes on.",
        ) from None


async def _removed(world: World, was: Belongings, volumes: bool) -> Removed:
    engine, refused = world.engine, dict[str, str]()

    async def attempt(name: str, removing: Callable[[str], Awaitable[None]]) -> None:
        try:
            await removing(name)
        except NotThere:
            return
        except EngineError as error:
            refused[name] = error.what

    await together({c.name: _end(world, c, was.stop_timeouts[c.name]) for c in was.containers})
    gone_too = (*was.lease_names, *(was.volume_names if volumes else ()))
    async with task_group() as removing:
        for names, verb in (
            (was.network_names, engine.remove_network),
            (was.image_names, engine.remove_image),
            (gone_too, engine.remove_volume),
        ):
            for name in names:
                removing.create_task(attempt(name, verb))
    if was.has_state:
        await world.state.remove_all()
    kept = () if volumes else was.volume_names
    return Removed(host_name=was.host_name, was=was, kept_volumes=kept, refused=refused)


async def _end(world: World, container: Container, timeout: float) -> None:
    """Without its restart policy first: a server that reboots in between must not bring it back."""
    try:
        await world.engine.set_restart_policy(container.name, SERVES_NOT)
        await world.engine.stop(container.name, timeout)
        await world.engine.remove(container.name)
    except NotThere:
        return
