"""A command in the container of an accessory."""

from shipper.accessories.looking import all_hosts
from shipper.accessories.wanted import meant
from shipper.errors import ConnectError, UsageError
from shipper.events import Tell
from shipper.hosts.session import connected
from shipper.model.container import Container
from shipper.operations.deployment import ignore
from shipper.operations.execution import Console, converse, inside
from shipper.project import Project
from shipper.world import World


async def execute_in_accessory(
    project: Project, name: str, command: tuple[str, ...], console: Console, *, tell: Tell = ignore
) -> int:
    """Runs a command in the container of an accessory, on the first of its hosts; its exit code.

    Takes no lock. What passes through the console is not masked. Raises ShipperError.
    """
    host_name = place_of(project, name)
    async with connected(project, tell, [host_name]) as worlds:
        return await executed(project, worlds[host_name], name, command, console)


def place_of(project: Project, name: str) -> str:
    """PURE. The first of its hosts that are meant. Raises UsageError."""
    return all_hosts(project, meant(project.config, (name,)))[0]


async def executed(project: Project, world: World, name: str, command: tuple[str, ...], console: Console) -> int:
    container = await _running(world, name)
    session = inside(world, container.name, command, console.terminal, project.config.docker_socket)
    try:
        async with session as opened:
            return await converse(opened, console, world)
    except ConnectError as error:
        raise ConnectError(
            f"{world.host_name}: {error.what}", now="What was run may go on.", next="shipper status shows what runs."
        ) from None


async def _running(world: World, name: str) -> Container:
    mine = [container for container in await world.engine.accessories() if container.role_name == name]
    if running := [container for container in mine if container.is_running]:
        return running[0]
    raise UsageError(
        f"{name} does not run on {world.host_name}.", now="Nothing was done.", next=f"shipper accessory boot {name}"
    )
