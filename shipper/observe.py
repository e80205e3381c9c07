"""Every read that is made before anything is decided: all at once."""

from shipper.model import Observed
from shipper.tasks import task_group
from shipper.world import World


async def observe(world: World, *, image_name: str | None, network_name: str) -> Observed:
    async with task_group() as reads:
        platform = reads.create_task(world.engine.platform())
        containers = reads.create_task(world.engine.containers())
        releases = reads.create_task(world.state.releases())
        image = reads.create_task(world.engine.image(image_name)) if image_name else None
        has_network = reads.create_task(world.engine.has_network(network_name))
    return Observed(
        host_name=world.host_name,
        platform=platform.result()[0],
        docker_version=platform.result()[1],
        containers=tuple(sorted(containers.result(), key=lambda container: container.name)),
        releases=releases.result(),
        image=image.result() if image else None,
        has_network=has_network.result(),
    )
