"""How a server is reached: login, clock, forwarding, sessions. PURE."""

from shipper.doctor.checks import Verdicts, note, ok, problem, warning
from shipper.doctor.checks.facts import Seen

_SKEW_SEEN, _SKEW_HURTS = 2.0, 60.0  # seconds
_SLOW = 0.4  # seconds for a round trip, of which a deploy makes some twenty
_SSHD = "in /etc/ssh/sshd_config there, then: systemctl reload ssh"


def login(seen: Seen) -> Verdicts:
    way = seen.way
    if not way:
        return
    user = f" as {seen.machine.user}" if seen.machine else ""
    what = f"logged in{user} in {way.login_seconds:.2f} s; a round trip takes {way.round_trip * 1000:.0f} ms"
    if way.round_trip > _SLOW:
        yield warning(
            f"{what}, and a deploy makes some twenty", "Deploy from nearer by, in CI say; or find out what delays: mtr"
        )
    else:
        yield ok(what)


def clock(seen: Seen) -> Verdicts:
    """Ids of deploys, logs and TLS go by it."""
    if not seen.way:
        return
    skew = seen.way.skew
    if skew is None:
        yield note("its clock was not read: `date` tells no seconds there")
        return
    least = max(abs(skew) - seen.way.skew_error, 0.0)
    what = f"its clock is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this one"
    next = "Set both by the network: timedatectl set-ntp true (or install chrony)"
    if least > _SKEW_HURTS:
        yield problem(f"{what}: times in logs and history mislead, and TLS may fail", next)
    elif least > _SKEW_SEEN:
        yield warning(what, next)
    else:
        yield ok(f"as here, within {max(abs(skew), seen.way.skew_error):.2f} s")


def forwarding(seen: Seen) -> Verdicts:
    """Of Docker's socket, and of the ports that gates by `http` or `tcp` look at."""
    way = seen.way
    if not way:
        return
    probing = [name for name in seen.role_names if _needs_port(seen, name)]
    if not way.leads_to_ports and probing:
        yield problem(
            f"sshd forbids forwarding to ports, which the gate of {', '.join(probing)} needs",
            f"AllowTcpForwarding yes {_SSHD}. Or a gate by `healthcheck` or `command`.",
        )
    if not way.leads_to_socket and seen.docker:
        yield note(
            "sshd does not forward Docker's socket: `docker system dial-stdio` takes its place, which is slower",
            f"AllowStreamLocalForwarding yes, AllowTcpForwarding yes {_SSHD}",
        )
    if way.leads_to_socket and (way.leads_to_ports or not probing):
        yield ok("sshd leads to Docker's socket" + (" and to ports" if way.leads_to_ports else ""))


def _needs_port(seen: Seen, role_name: str) -> bool:
    role = seen.config.roles[role_name]
    return bool(role.handover or (role.gate and (role.gate.http or role.gate.tcp)))


def tunnel(seen: Seen) -> Verdicts:
    """The port that leads back here, through which images travel."""
    way = seen.way
    if not way or way.leads_back is None:
        return
    if not way.leads_back:
        yield note(
            "sshd forbids ports that lead back here: images travel as archives, with more bytes",
            f"AllowTcpForwarding yes, PermitListen any {_SSHD}",
        )
    elif way.is_open_to_all:
        yield warning(
            "sshd opens such ports on all its addresses: whoever reaches the server can knock at an image on its way "
            "(each has a password of its own)",
            f"GatewayPorts no {_SSHD}",
        )
    else:
        yield ok("a port on 127.0.0.1 there leads back here")


def sessions(seen: Seen) -> Verdicts:
    """The shell, the lock, the tunnel, and one that is on its way out, at once."""
    if not seen.way:
        return
    if seen.way.refusal:
        yield problem(
            f"sshd opens too few sessions at once: {seen.way.refusal}",
            f"MaxSessions 10 {_SSHD}",
        )
    else:
        yield ok("sshd opens as many at once as a deploy needs")


CHECKS = (login, clock, forwarding, tunnel, sessions)
