"""One SSH connection for each host, with Docker's socket behind it → World.

The only module that knows which adapters are real. A world is given when its connection stands; the way to Docker is
opened meanwhile, and waited for by the first call that needs it.
"""

import asyncio
import functools
import importlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shipper.commands import LocalCommands
from shipper.docker_socket import SESSIONS, dial, listening, require_docker
from shipper.errors import ConnectError
from shipper.events import Called, Connected, Tell, Warned
from shipper.host import SshHost
from shipper.images.local import LocalImages
from shipper.images.registry import DockerRegistry
from shipper.journal import HostJournal
from shipper.login import Access, login
from shipper.model import Label
from shipper.project import Project
from shipper.records import Records
from shipper.tasks import alongside, task_group, together
from shipper.world import World

if TYPE_CHECKING:
    from shipper.docker_api import DockerApi

_CONNECTIONS = 16  # to Docker at once, where they are forwarded: sshd does not count these
_READY = 12  # of them are opened while we still greet: as many as the reads of a small service
_MOST_READY = 128  # on all hosts: each takes two of the files that a process may have open, often 1024
_DIALLED = "{host_name}: sshd forbids forwarding: Docker is reached by `docker system dial-stdio`, which is slower."


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
    server: SshHost
    docker: "asyncio.Task[DockerApi]"
    """The way to Docker: it is opened meanwhile, and raises what befell it."""
    login_seconds: float


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
    registry = DockerRegistry(project) if project.config.registry else None
    images = LocalImages(project)
    importing = alongside(asyncio.to_thread(_import_what_comes_later))
    async with task_group() as dialling, AsyncExitStack() as stack, importing as imported:
        stack.callback(images.close)
        try:
            servers = await together(
                {
                    name: _reached(stack, dialling, imported, project, images, registry, name, tell)
                    for name in host_names
                }
            )
        except ConnectError as error:
            raise _down(error) if type(error) is ConnectError and len(host_names) > 1 else error from None
        yield servers


def _down(error: ConnectError) -> ConnectError:
    """What to do while one of several hosts gives no answer."""
    next = f"{error.next} To leave it out for now, name the other hosts: --host HOST".lstrip()
    return ConnectError(error.what, now=error.now, next=next)


def _import_what_comes_later() -> None:
    """On a thread, while we wait for servers: Docker's SDK and Jinja take as long as a login."""
    for module in ("shipper.docker_api", "shipper.engine", "shipper.streams", "shipper.template"):
        importlib.import_module(module)


async def _reached(
    stack: AsyncExitStack,
    dialling: asyncio.TaskGroup,
    imported: asyncio.Task[None],
    project: Project,
    images: LocalImages,
    registry: DockerRegistry | None,
    name: str,
    tell: Tell,
) -> Reached:
    def on_call(call: str, seconds: float) -> None:
        tell(Called(host_name=name, call=call, seconds=seconds))

    begun = time.monotonic()
    connection = await stack.enter_async_context(login(name, access(project)))
    login_seconds = time.monotonic() - begun
    await asyncio.shield(imported)
    from shipper.engine import DockerEngine
    from shipper.streams import DockerStreams

    server = SshHost(name, connection, project.config.timeouts.call, on_call)
    server.open_shell()
    clock = SystemClock()
    journal = HostJournal(server, project.full_name, clock)
    sockets = stack.enter_context(ExitStack())

    async def docker_reached() -> "DockerApi":
        api = await _docker(sockets, dialling, server, project, on_call, tell)
        tell(Connected(host_name=name, seconds=time.monotonic() - begun))
        return api

    docker = await stack.enter_async_context(alongside(docker_reached()))
    world = World(
        host_name=name,
        host=server,
        engine=DockerEngine(docker, project.full_name, journal.check),
        streams=DockerStreams(docker, project.full_name),
        state=Records(server, project.full_name, journal.check),
        journal=journal,
        images=images,
        registry=registry,
        commands=LocalCommands(project),
        clock=clock,
        inside=project.inside,
    )
    return Reached(world=world, server=server, docker=docker, login_seconds=login_seconds)


async def _docker(
    stack: ExitStack,
    dialling: asyncio.TaskGroup,
    server: SshHost,
    project: Project,
    on_call: Callable[[str, float], None],
    tell: Tell,
) -> "DockerApi":
    """Over a forwarded socket; if that leads nowhere though Docker answers, over one that is dialled."""
    from shipper.docker_api import DockerApi

    docker_socket = project.config.docker_socket
    label = f"{Label.SERVICE}={project.full_name}"
    new_api = functools.partial(DockerApi, timeout=project.config.timeouts.call, on_call=on_call)
    # readable to nobody else (mode 0700): who can open a socket in it is root on the server
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shipper-")))
    forwarded = new_api(await server.forward_socket(docker_socket, folder), connections=_CONNECTIONS)
    stack.callback(forwarded.close)
    try:
        await forwarded.open(label, ready=min(_READY, _MOST_READY // len(project.affected_hosts)))
        return forwarded
    except ConnectError:
        await require_docker(server, docker_socket)
    tell(Warned(text=_DIALLED.format(host_name=server.name)))
    path = folder / "dialled.sock"
    listener = stack.enter_context(listening(path))
    stack.callback(dialling.create_task(dial(server, docker_socket, listener)).cancel)
    dialled = new_api(path, connections=SESSIONS)
    stack.callback(dialled.close)
    await dialled.open(label, ready=0)
    return dialled
