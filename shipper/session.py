"""One SSH connection for each host, with Docker's socket behind it → World.

The only module that knows which adapters are real. A world is given when its connection stands; the way to Docker is
opened meanwhile, and waited for by the first call that needs it.
"""

import asyncio
import functools
import importlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

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


def access(project: Project) -> Access:
    config = project.config
    return Access(ssh=config.ssh, root=project.root, environ=project.environ, timeout=config.timeouts.connect)


@asynccontextmanager
async def connected(project: Project, tell: Tell) -> AsyncIterator[Mapping[str, World]]:
    """The worlds of the hosts that are meant, in the order of the config. Raises ConnectError and its children."""
    registry = DockerRegistry(project) if project.config.registry else None
    images = LocalImages(project)
    importing = alongside(asyncio.to_thread(_import_what_comes_later))
    async with task_group() as dialling, AsyncExitStack() as stack, importing as imported:
        stack.callback(images.close)
        yield await together(
            {name: _world(stack, dialling, imported, project, images, registry, name, tell) for name in project.hosts}
        )


def _import_what_comes_later() -> None:
    """On a thread, while we wait for servers: Docker's SDK and Jinja take as long as a login."""
    for module in ("shipper.docker_api", "shipper.engine", "shipper.template"):
        importlib.import_module(module)


async def _world(
    stack: AsyncExitStack,
    dialling: asyncio.TaskGroup,
    imported: asyncio.Task[None],
    project: Project,
    images: LocalImages,
    registry: DockerRegistry | None,
    name: str,
    tell: Tell,
) -> World:
    def on_call(call: str, seconds: float) -> None:
        tell(Called(host_name=name, call=call, seconds=seconds))

    begun = time.monotonic()
    connection = await stack.enter_async_context(login(name, access(project)))
    await asyncio.shield(imported)
    from shipper.engine import DockerEngine

    server = SshHost(name, connection, project.config.timeouts.call, on_call)
    server.open_shell()
    clock = SystemClock()
    journal = HostJournal(server, project.full_name, clock)
    sockets = stack.enter_context(ExitStack())

    async def reached() -> "DockerApi":
        api = await _docker(sockets, dialling, server, project, on_call, tell)
        tell(Connected(host_name=name, seconds=time.monotonic() - begun))
        return api

    docker = await stack.enter_async_context(alongside(reached()))
    return World(
        host_name=name,
        host=server,
        engine=DockerEngine(docker, project.full_name, journal.check),
        state=Records(server, project.full_name, journal.check),
        journal=journal,
        images=images,
        registry=registry,
        clock=clock,
    )


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
        await forwarded.open(label, ready=min(_READY, _MOST_READY // len(project.config.hosts)))
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
