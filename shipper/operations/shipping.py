"""The image alone, without a deploy: built here, or put where a deploy would look for it."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial

from shipper.env import environment
from shipper.env.mask import Mask, masking
from shipper.errors import ImageError, UsageError
from shipper.events import Output, Pushed, Tell
from shipper.hosts.journal import unfinished
from shipper.hosts.session import connected
from shipper.images.local import LocalImages
from shipper.images.sources import find_published, find_sources
from shipper.local_commands import LocalCommands
from shipper.model.image import Image
from shipper.model.observed import Observed
from shipper.model.records import Unfinished
from shipper.model.release import short
from shipper.observe import Worlds, observe_all
from shipper.operations.deployment import holding, ignore
from shipper.operations.precautions import refuse_key_in_git, require_version, warn_of_dirt
from shipper.planning.facts import facts_of
from shipper.planning.hooks import hook
from shipper.planning.image_plan import step_there, steps_here
from shipper.planning.retention import prune, retention_of, superfluous_now
from shipper.project import Project
from shipper.steps import Step
from shipper.tasks import task_group, together
from shipper.telling import told
from shipper.world import World


async def build(project: Project, *, platform: str | None = None, tell: Tell = ignore) -> Image:
    """Builds the image of the project's revision here, unless it exists; `platform` is that of the hosts if absent.

    Raises ShipperError.
    """
    require_version(project)
    refuse_key_in_git(project)
    if platform is None:
        async with connected(project, tell) as worlds:
            platforms = await together({name: world.engine.platform() for name, world in worlds.items()})
        if len(set(platforms.values())) > 1:
            raise UsageError(f"The hosts differ ({platforms}): say which with --platform.")
        platform = next(iter(platforms.values()))
    images = LocalImages(project)
    existing = await images.find(project.image)
    if existing and existing.platform == platform:
        return existing
    with masking(tell) as (tell, mask):
        mask.add(environment.secrets_in_environ(project))
        if before_build := hook(project.config, "pre-build", facts_of(project, "build")):
            await before_build.run(LocalCommands(project), lambda line: tell(Output(step="pre-build", line=line)))
        return await images.build(project.image, platform, lambda line: tell(Output(step="build", line=line)))


async def push(project: Project, *, wait: float = 0.0, tell: Tell = ignore) -> Pushed:
    """Puts the image of the project's revision into the registry of the config, or on all hosts if there is none.

    It is built first where it is nowhere. What serves is not touched, and there is no release of it. Where images go
    to the hosts, a deploy that is under way is waited for during `wait` seconds; then Locked is raised.
    Raises ShipperError.
    """
    require_version(project)
    refuse_key_in_git(project)
    with masking(tell) as (tell, mask):
        mask.add(environment.secrets_in_environ(project))
        warn_of_dirt(project, tell)
        async with AsyncExitStack() as stack:
            worlds = await stack.enter_async_context(connected(project, tell))
            if not project.config.registry:
                purpose = f"push of {short(project.version)}"
                await stack.enter_async_context(holding(project, worlds, purpose, wait))
            pushed = await _push(project, worlds, mask, tell)
        tell(pushed)
        return pushed


async def _push(project: Project, worlds: Worlds, mask: Mask, tell: Tell) -> Pushed:
    config, hosts = project.config, (await observe_all(project, worlds, project.image)).values()
    places = (config.registry_name,) if config.registry else project.hosts
    lacking = [host for host in hosts if config.registry or not host.image]
    if not lacking:
        ids = [host.image.id for host in hosts if host.image]
        return Pushed(image_name=project.image, digest=ids[0], places=places, reached=())
    world = worlds[lacking[0].host_name]
    sources = await find_sources(world, project.image, mask, can_build=project.can_build)
    before_build = hook(config, "pre-build", facts_of(project, "push"))
    here = tuple(steps_here(sources, lacking, before_build))
    for step in here:
        await _do(step, world, tell)
    if config.registry:
        published = sources.published or await find_published(world, project.image, mask)
        if not published:
            raise ImageError(f"{config.registry_name} does not have {project.image}, which was pushed just now.")
        reached = places if here else ()
        return Pushed(image_name=project.image, digest=published.digest, places=places, reached=reached)
    at_once, died = asyncio.Semaphore(config.rollout.max_parallel), unfinished(worlds)
    async with task_group() as going:
        for host in lacking:
            step = step_there(sources, host, _superfluous(project, host, died, world.clock.now()))
            going.create_task(_do_in_turn(at_once, step, worlds[host.host_name], tell))
    arrived = await world.engine.image(project.image)
    if not arrived:
        raise ImageError(f"{world.host_name} does not have {project.image}, which arrived just now.")
    reached = tuple(host.host_name for host in lacking)
    return Pushed(image_name=project.image, digest=arrived.id, places=places, reached=reached)


def _superfluous(project: Project, host: Observed, died: Unfinished | None, now: datetime) -> Step | None:
    """What the host need not keep, be the image deployed or not."""
    rules = retention_of(project.config, project.full_name, project.config.retain)
    beyond = superfluous_now(host, rules, died, now)
    return next(prune(host.host_name, beyond, because=f"retain is {rules.releases}"), None)


async def _do_in_turn(at_once: asyncio.Semaphore, step: Step, world: World, tell: Tell) -> None:
    async with at_once:
        await _do(step, world, tell)


async def _do(step: Step, world: World, tell: Tell) -> None:
    await told(step, world.clock, tell, partial(step.do, world))
