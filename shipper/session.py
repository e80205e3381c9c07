"""One SSH connection for each host, with Docker's socket behind it → World.

The only module that knows which adapters are real.
"""

import asyncio
import functools
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from shipper.docker_socket import SESSIONS, dial, listening, require_docker
from shipper.engine import DockerEngine
from shipper.errors import ConnectError
from shipper.events import Called, Connected, Tell, Warned
from shipper.host import SshHost
from shipper.images.local import LocalImages
from shipper.journal import HostJournal
from shipper.login import Access, login
from shipper.project import Project
from shipper.records import Records
from shipper.tasks import task_group
from shipper.world import World

_CONNECTIONS = 16  # to Docker at once, where they are forwarded: sshd does not count these
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
    """The worlds of all hosts of the config, in its order. Raises ConnectError and its children."""
    async with task_group() as dialling, AsyncExitStack() as stack:
        images = LocalImages(project)
        stack.callback(images.close)
        async with task_group() as connecting:
            tasks = [
                connecting.create_task(_world(stack, dialling, images, project, name, tell))
                for name in project.config.hosts
            ]
        yield {task.result().host_name: task.result() for task in tasks}


async def _world(
    stack: AsyncExitStack,
    dialling: asyncio.TaskGroup,
    images: LocalImages,
    project: Project,
    name: str,
    tell: Tell,
) -> World:
    def on_call(call: str, seconds: float) -> None:
        tell(Called(host_name=name, call=call, seconds=seconds))

    begun = time.monotonic()
    connection = await stack.enter_async_context(login(name, access(project)))
    server = SshHost(name, connection, project.config.timeouts.call, on_call)
    clock = SystemClock()
    journal = HostJournal(server, project.full_name, clock)
    new_engine = functools.partial(
        DockerEngine,
        service=project.full_name,
        timeout=project.config.timeouts.call,
        may_act=journal.check,
        on_call=on_call,
    )
    engine = await _engine(stack, dialling, server, project.config.docker_socket, new_engine, tell)
    tell(Connected(host_name=name, seconds=time.monotonic() - begun))
    return World(
        host_name=name,
        host=server,
        engine=engine,
        state=Records(server, project.full_name, journal.check),
        journal=journal,
        images=images,
        clock=clock,
    )


async def _engine(
    stack: AsyncExitStack,
    dialling: asyncio.TaskGroup,
    server: SshHost,
    docker_socket: str,
    new_engine: Callable[..., DockerEngine],
    tell: Tell,
) -> DockerEngine:
    """Over a forwarded socket; if that leads nowhere though Docker answers, over one that is dialled."""
    # readable to nobody else (mode 0700): who can open a socket in it is root on the server
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shipper-")))
    forwarded = new_engine(await server.forward_socket(docker_socket, folder), connections=_CONNECTIONS)
    stack.callback(forwarded.close)
    try:
        await forwarded.connect()
        return forwarded
    except ConnectError:
        await require_docker(server, docker_socket)
    tell(Warned(text=_DIALLED.format(host_name=server.name)))
    path = folder / "dialled.sock"
    listener = stack.enter_context(listening(path))
    stack.callback(dialling.create_task(dial(server, docker_socket, listener)).cancel)
    dialled = new_engine(path, connections=SESSIONS)
    stack.callback(dialled.close)
    await dialled.connect()
    return dialled
