"""One SSH connection for each host, with Docker's socket forwarded → World.

The only module that knows which adapters are real.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from shipper.engine import DockerEngine
from shipper.errors import ConnectError
from shipper.events import Called, Connected, Tell
from shipper.host import SshHost
from shipper.images.local import LocalImages
from shipper.journal import HostJournal
from shipper.login import Access, login
from shipper.project import Project
from shipper.records import Records
from shipper.tasks import task_group
from shipper.world import World


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
    async with AsyncExitStack() as stack:
        async with task_group() as connecting:
            tasks = [connecting.create_task(_world(stack, project, name, tell)) for name in project.config.hosts]
        yield {task.result().host_name: task.result() for task in tasks}


async def _world(stack: AsyncExitStack, project: Project, name: str, tell: Tell) -> World:
    def on_call(call: str, seconds: float) -> None:
        tell(Called(host_name=name, call=call, seconds=seconds))

    begun = time.monotonic()
    connection = await stack.enter_async_context(login(name, access(project)))
    server = SshHost(name, connection, project.config.timeouts.call, on_call)
    # readable to nobody else (mode 0700): who can open the forwarded socket is root on the server
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shipper-")))
    clock = SystemClock()
    journal = HostJournal(server, project.full_name, clock)
    engine = await _engine(stack, project, server, folder, journal.check, on_call)
    tell(Connected(host_name=name, seconds=time.monotonic() - begun))
    return World(
        host_name=name,
        host=server,
        engine=engine,
        state=Records(server, project.full_name, journal.check),
        journal=journal,
        images=LocalImages(project),
        clock=clock,
    )


async def _engine(
    stack: AsyncExitStack,
    project: Project,
    server: SshHost,
    folder: Path,
    may_act: Callable[[], None],
    on_call: Callable[[str, float], None],
) -> DockerEngine:
    socket_path = project.config.docker_socket
    engine = DockerEngine(
        str(await server.forward_socket(socket_path, folder)),
        service=project.full_name,
        timeout=project.config.timeouts.call,
        may_act=may_act,
        on_call=on_call,
    )
    stack.callback(engine.close)
    try:
        await engine.connect()
    except ConnectError:
        raise await server.why_no_docker(socket_path) from None
    return engine
