"""Docker's socket where sshd does not forward it: an SSH session for each connection, by `docker system dial-stdio`.

https://docs.docker.com/reference/cli/docker/system/dial-stdio/
"""

import asyncio
import select
import shlex
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from shipper.errors import ConnectError, DockerUnavailable
from shipper.hosts.conversation import CHUNK, Session
from shipper.hosts.host import SshHost
from shipper.model.words import setup_command
from shipper.tasks import task_group

SESSIONS = 6  # at once, of the 10 that sshd allows: lock, shell and tunnel have three, and one may be on its way out

_LOOK = """
if [ ! -S "$1" ]; then echo absent
elif [ ! -w "$1" ]; then echo denied
elif ! command -v docker >/dev/null; then echo no-command
elif docker --host "unix://$1" version >/dev/null 2>&1; then echo answers
fi
id -un
"""


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """A UNIX socket here, for `dial`."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.setblocking(False)
        listener.bind(str(path))
        listener.listen()
        yield listener


async def dial(server: SshHost, docker_socket: str, listener: socket.socket) -> None:
    """Leads connections to Docker's socket there, until it is cancelled; those above SESSIONS wait their turn."""
    command = f"docker --host unix://{shlex.quote(docker_socket)} system dial-stdio"
    sessions = asyncio.Semaphore(SESSIONS)
    async with task_group() as dialling:
        while True:
            accepted, _ = await asyncio.get_running_loop().sock_accept(listener)
            dialling.create_task(_dialled(server, command, accepted, sessions))


async def _dialled(server: SshHost, command: str, accepted: socket.socket, sessions: asyncio.Semaphore) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=accepted)
    with closing(writer), suppress(ConnectError):  # whoever connected sees that the connection is closed
        async with sessions, server.session(command) as session:
            await _join(reader, writer, session)


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: Session) -> None:
    """Until Docker has said all, or nobody listens any more."""
    async with task_group() as pumping:
        outward = pumping.create_task(_outward(session, writer))
        inward = pumping.create_task(_inward(reader, writer, session, outward))
        await asyncio.wait([outward])
        inward.cancel()


async def _outward(session: Session, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await session.read():
            writer.write(chunk)
            await writer.drain()


async def _inward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: Session, outward: "asyncio.Task[None]"
) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            await session.write(chunk)
    if _is_gone(writer):
        outward.cancel()  # Docker may have nothing to say for long: a probe that hangs would hold its session
    else:
        session.write_eof()


def _is_gone(writer: asyncio.StreamWriter) -> bool:
    """Whether the other side has closed, instead of only having no more to say."""
    if writer.is_closing():
        return True
    poll = select.poll()
    poll.register(writer.get_extra_info("socket").fileno(), 0)  # a hang-up is told unasked
    return bool(poll.poll(0))


async def require_docker(server: SshHost, docker_socket: str) -> None:
    """Raises DockerUnavailable unless Docker answers the server's own `docker`: only asked where forwarding failed.

    sshd refuses to forward a socket with the same words whatever the reason, so the server's shell is asked.
    """
    seen = await server.run(_LOOK, docker_socket, doing="look for Docker")
    state, _, user = seen.output.strip().rpartition("\n")
    if state != "answers":
        what, next = _unavailable(state, user, docker_socket, setup_command(server.name))
        raise DockerUnavailable(f"{server.name}: {what}", now="Nothing was done.", next=next)


def _unavailable(state: str, user: str, docker_socket: str, setup: str) -> tuple[str, str]:
    """What is wrong, and what to do."""
    match state:
        case "absent":
            return (
                f"there is no Docker socket at {docker_socket}.",
                f"{setup} installs it, or starts it. By hand: https://docs.docker.com/engine/install/",
            )
        case "denied":
            return (
                f"{user} may not use the Docker socket {docker_socket}.",
                f"{setup}; or as root there: usermod -aG docker {user}",
            )
        case "no-command":
            return (
                f"sshd does not reach the Docker socket {docker_socket}, and there is no `docker` command to go round.",
                "If sshd forbids forwarding, install Docker's CLI there, or set AllowTcpForwarding yes and "
                "AllowStreamLocalForwarding yes in /etc/ssh/sshd_config. Else: systemctl start docker",
            )
        case _:
            return (
                f"nothing answers at the Docker socket {docker_socket}.",
                "Start Docker Engine there: systemctl start docker",
            )
