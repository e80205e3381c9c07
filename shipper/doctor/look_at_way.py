"""Looks at the way to one server for `shipper doctor`: what sshd lets through, how far it is, what time it is there."""

from dataclasses import dataclass

from shipper.doctor.checks.facts import Way
from shipper.errors import ConnectError, ForwardingDisabled
from shipper.hosts.host import SshHost
from shipper.hosts.session import Reached
from shipper.project import Project
from shipper.tasks import task_group

_BESIDE = 3  # sessions beside the shell: lock, tunnel, and one on its way out
_LONGEST_PROBE = 5.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Forwarding:
    to_socket: bool
    to_ports: bool
    back: bool | None
    is_open_to_all: bool


async def look_at_forwarding(project: Project, server: SshHost) -> Forwarding:
    async with task_group() as trying:
        to_socket = trying.create_task(_leads_to_socket(project, server))
        to_ports = trying.create_task(_leads_to_ports(server))
        back = trying.create_task(_leads_back(project, server))
    leads_back, is_open_to_all = back.result()
    return Forwarding(
        to_socket=to_socket.result(), to_ports=to_ports.result(), back=leads_back, is_open_to_all=is_open_to_all
    )


async def _leads_to_socket(project: Project, server: SshHost) -> bool:
    try:
        await server.connect_socket(project.config.docker_socket)
    except ConnectError:
        return False
    return True


async def _leads_to_ports(server: SshHost) -> bool:
    """sshd tells apart what it forbids and what nobody listens on."""
    try:
        await server.connect_tcp("127.0.0.1", 22, _LONGEST_PROBE)
    except ForwardingDisabled:
        return False
    except ConnectError:
        return True
    return True


async def _leads_back(project: Project, server: SshHost) -> tuple[bool | None, bool]:
    if project.config.registry:
        return None, False

    async def hang_up(reader: object, writer: object) -> None:
        """Whoever knocks while we look is let in nowhere."""

    try:
        async with server.serving(hang_up) as port:
            finished = await server.run('grep -h " 0A " /proc/net/tcp', doing="look at the port that leads back")
    except ForwardingDisabled:
        return False, False
    return True, f" 00000000:{port:04X} " in finished.output


async def look_at_way(there: Reached, forwarding: Forwarding) -> Way:
    """When all else is quiet, so that what is measured is the way."""
    refusal = await _sessions_refused(there.link.server)
    round_trip, skew, error = min([await _measured(there) for _ in range(2)], key=lambda measured: measured[0])
    return Way(
        login_seconds=there.link.login_seconds,
        round_trip=round_trip,
        skew=skew,
        skew_error=error,
        leads_to_socket=forwarding.to_socket,
        leads_to_ports=forwarding.to_ports,
        leads_back=forwarding.back,
        is_open_to_all=forwarding.is_open_to_all,
        refusal=refusal,
    )


async def _measured(there: Reached) -> tuple[float, float | None, float]:
    """Seconds of a round trip; those by which the clock there is ahead; and by how much that may be wrong."""
    clock = there.world.clock
    begun, sent_at = clock.monotonic(), clock.now().timestamp()
    finished = await there.link.server.run("date +%s.%N", doing="date")
    round_trip = clock.monotonic() - begun
    seconds, _, fraction = finished.output.strip().partition(".")
    if not seconds.isdigit():
        return round_trip, None, 0.0
    is_fine = fraction.isdigit()  # busybox knows no %N
    told = float(f"{seconds}.{fraction}") if is_fine else float(seconds) + 0.5
    return round_trip, told - (sent_at + round_trip / 2), round_trip / 2 + (0.0 if is_fine else 0.5)


async def _sessions_refused(server: SshHost) -> str:
    opened = []
    try:
        for _ in range(_BESIDE):
            opened.append(await server.converse("exec cat"))
    except ConnectError as error:
        return error.what.removeprefix(f"{server.name}: ")
    finally:
        for session in opened:
            session.close()
    return ""
