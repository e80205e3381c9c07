"""Links to servers: a login each, with the way to Docker's socket behind it, which is opened meanwhile."""

import asyncio
import functools
import importlib
import tempfile
import time
from collections.abc import Callable, Hashable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shipper.errors import ConnectError
from shipper.events import Called, Connected, Tell, Warned
from shipper.hosts.docker_socket import SESSIONS, dial, listening, require_docker
from shipper.hosts.host import SshHost
from shipper.hosts.login import Access, login
from shipper.model.container import Label
from shipper.tasks import alongside

if TYPE_CHECKING:
    from shipper.hosts.docker_api import DockerApi

_CONNECTIONS = 16  # to Docker at once, where they are forwarded: sshd does not count these
_READY = 12  # of them are opened while we still greet: as many as the reads of a small service
_MOST_READY = 128  # on all hosts: each takes two of the files that a process may have open, often 1024
_DIALLED = "{host_name}: sshd forbids forwarding: Docker is reached by `docker system dial-stdio`, which is slower."


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a server is reached, and what for."""

    host_name: str
    access: Access
    docker_socket: str
    call_timeout: float
    service: str
    """Whose containers will be asked for."""
    of: int = 1
    """How many servers are reached at once."""

    @property
    def key(self) -> Hashable:
        """The same for all who can share a link, whatever they want there."""
        ssh, environ = self.access.ssh, self.access.environ
        private_key = environ.get(ssh.key_env) if ssh.key_env else None
        login = (self.host_name, ssh, private_key, environ.get("HOME"), self.access.root, self.access.timeout)
        return (*login, self.docker_socket, self.call_timeout)


@dataclass(frozen=True, kw_only=True)
class Link:
    """A server that we are logged in to."""

    server: SshHost
    docker: "asyncio.Task[DockerApi]"
    """The way to Docker: it is opened meanwhile, and raises what befell it."""
    login_seconds: float


def import_what_comes_later() -> None:
    """On a thread, while we wait for servers: Docker's SDK and Jinja take as long as a login."""
    for module in ("shipper.hosts.docker_api", "shipper.hosts.engine", "shipper.hosts.streams", "shipper.env.template"):
        importlib.import_module(module)


async def open_link(
    stack: AsyncExitStack, dialling: asyncio.TaskGroup, imported: "asyncio.Task[None]", way: Way, tell: Tell
) -> Link:
    """Until `stack` is closed. Raises ConnectError and its children."""

    def on_call(call: str, seconds: float) -> None:
        tell(Called(host_name=way.host_name, call=call, seconds=seconds))

    begun = time.monotonic()
    connection = await stack.enter_async_context(login(way.host_name, way.access))
    login_seconds = time.monotonic() - begun
    await asyncio.shield(imported)
    server = SshHost(way.host_name, connection, way.call_timeout, on_call)
    server.open_shell()
    sockets = stack.enter_context(ExitStack())

    async def docker_reached() -> "DockerApi":
        api = await _docker(sockets, dialling, server, way, on_call, tell)
        tell(Connected(host_name=way.host_name, seconds=time.monotonic() - begun))
        return api

    docker = await stack.enter_async_context(alongside(docker_reached()))
    return Link(server=server, docker=docker, login_seconds=login_seconds)


async def _docker(
    stack: ExitStack,
    dialling: asyncio.TaskGroup,
    server: SshHost,
    way: Way,
    on_call: Callable[[str, float], None],
    tell: Tell,
) -> "DockerApi":
    """Over a forwarded socket; if that leads nowhere though Docker answers, over one that is dialled."""
    from shipper.hosts.docker_api import DockerApi

    label = f"{Label.SERVICE}={way.service}"
    new_api = functools.partial(DockerApi, timeout=way.call_timeout, on_call=on_call)
    # readable to nobody else (mode 0700): who can open a socket in it is root on the server
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shipper-")))
    forwarded = new_api(await server.forward_socket(way.docker_socket, folder), connections=_CONNECTIONS)
    stack.callback(forwarded.close)
    try:
        await forwarded.open(label, ready=min(_READY, _MOST_READY // way.of))
        return forwarded
    except ConnectError:
        await require_docker(server, way.docker_socket)
    tell(Warned(text=_DIALLED.format(host_name=server.name)))
    path = folder / "dialled.sock"
    listener = stack.enter_context(listening(path))
    stack.callback(dialling.create_task(dial(server, way.docker_socket, listener)).cancel)
    dialled = new_api(path, connections=SESSIONS)
    stack.callback(dialled.close)
    await dialled.open(label, ready=0)
    return dialled
