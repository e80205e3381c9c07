"""One SSH connection for each host, with Docker's socket behind it → World.

The only module that knows which adapters are real. A world is given when its connection stands; the way to Docker is
opened meanwhile, and waited for by the first call that needs it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shipper.errors import ConnectError
from shipper.events import Tell
from shipper.hosts.journal import HostJournal
from shipper.hosts.links import Link, Way, import_what_comes_later, open_link
from shipper.hosts.login import Access
from shipper.hosts.records import Records
from shipper.images.local import LocalImages
from shipper.images.registry import DockerRegistry
from shipper.local_commands import LocalCommands
from shipper.project import Project
from shipper.tasks import alongside, task_group, together
from shipper.world import World


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A server that we are logged in to, for those who look deeper than a World does."""

    world: World
    link: Link


def access(project: Project) -> Access:
    config = project.config
    return Access(ssh=config.ssh, root=project.root, environ=project.environ, timeout=config.timeouts.connect)


@asynccontextmanager
async def connected(
    project: Project, tell: Tell, host_names: Sequence[str] | None = None
) -> AsyncIterator[Mapping[str, World]]:
    """The worlds of these hosts, else of all that are meant, in the order of the config.

    Raises ConnectError and its children.
    """
    async with reached(project, tell, project.hosts if host_names is None else host_names) as servers:
        yield {name: server.world for name, server in servers.items()}


@asynccontextmanager
async def reached(project: Project, tell: Tell, host_names: Sequence[str]) -> AsyncIterator[Mapping[str, Reached]]:
    """As `connected`, with what lies behind each world."""
    importing = alongside(asyncio.to_thread(import_what_comes_later))
    async with task_group() as dialling, AsyncExitStack() as stack, importing as imported:
        ways = _ways(project, host_names)
        links = await _all({name: open_link(stack, dialling, imported, way, tell) for name, way in ways.items()})
        worlds = _worlds(stack, project, links)
        yield {name: Reached(world=worlds[name], link=link) for name, link in links.items()}


@asynccontextmanager
async def looking(
    project: Project, tell: Tell, host_names: Sequence[str] | None = None
) -> AsyncIterator[Mapping[str, World]]:
    """As `connected`, for what takes no lock: over the connections that are kept, if the project has such."""
    if not project.connections:
        async with connected(project, tell, host_names) as worlds:
            yield worlds
        return
    async with AsyncExitStack() as stack:
        ways = _ways(project, project.hosts if host_names is None else host_names)
        kept = {name: project.connections.link(way) for name, way in ways.items()}
        links = await _all({name: stack.enter_async_context(link) for name, link in kept.items()})
        yield _worlds(stack, project, links)


def _ways(project: Project, host_names: Sequence[str]) -> dict[str, Way]:
    return {
        name: Way(
            host_name=name,
            access=access(project),
            docker_socket=project.config.docker_socket,
            call_timeout=project.config.timeouts.call,
            service=project.full_name,
            of=len(host_names),
        )
        for name in host_names
    }


async def _all(opening: Mapping[str, Coroutine[Any, Any, Link]]) -> dict[str, Link]:
    try:
        return await together(opening)
    except ConnectError as error:
        raise _down(error) if type(error) is ConnectError and len(opening) > 1 else error from None


def _down(error: ConnectError) -> ConnectError:
    """What to do while one of several hosts gives no answer."""
    next = f"{error.next} To leave it out for now, name the other hosts: --host HOST".lstrip()
    return ConnectError(error.what, now=error.now, next=next)


def _worlds(stack: AsyncExitStack, project: Project, links: Mapping[str, Link]) -> dict[str, World]:
    registry = DockerRegistry(project) if project.config.registry else None
    images = LocalImages(project)
    stack.callback(images.close)
    return {name: _world(project, images, registry, link) for name, link in links.items()}


def _world(project: Project, images: LocalImages, registry: DockerRegistry | None, link: Link) -> World:
    from shipper.hosts.engine import DockerEngine
    from shipper.hosts.streams import DockerStreams

    clock = SystemClock()
    journal = HostJournal(link.server, project.full_name, clock)
    return World(
        host_name=link.server.name,
        host=link.server,
        engine=DockerEngine(link.docker, project.full_name, journal.check),
        streams=DockerStreams(link.docker, project.full_name),
        state=Records(link.server, project.full_name, journal.check),
        journal=journal,
        images=images,
        registry=registry,
        commands=LocalCommands(project),
        clock=clock,
        inside=project.inside,
    )
