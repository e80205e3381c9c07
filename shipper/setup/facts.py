"""What a server tells before anything is set up, and what is wanted of it. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass

from shipper.doctor.checks.told import sections

STATE_ROOT = "/var/lib/shipper"
DEPLOY_KEY = "<the public half of the deploy key>"
"""Stands for it where it may not be made yet."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server, and who is to deploy there."""

    login_name: str
    """How it is reached with rights: root@203.0.113.7."""
    host_name: str
    """As the config writes it."""
    user: str
    """Who deploys."""
    names_user: bool
    """The config does."""

    @property
    def deploy_name(self) -> str:
        """How deploys log in."""
        return f"{self.user}@{self.host_name.rpartition('@')[2]}"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Of a server."""

    target: Target
    docker_socket: str
    state_folder: str
    """Of the service."""
    mounted: tuple[str, ...]
    """Folders of the server that containers mount."""
    generated: tuple[str, ...]
    """Secrets that nobody has to choose."""
    publishes: tuple[str, ...]
    """Ports that containers publish on all addresses."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What stands at a path."""

    mode: str
    """As in 2770."""
    owner: str
    group: str


@dataclass(frozen=True, kw_only=True)
class Server:
    """As it tells itself, to root."""

    distribution: str
    """`ID` of os-release: debian."""
    codename: str
    """bookworm"""
    title: str
    """Debian GNU/Linux 12 (bookworm)"""
    has_systemd: bool
    docker_program: str
    """Where dockerd is; empty if it is not installed."""
    docker_package: str
    """The package that brought it; empty if none did."""
    docker_version: str
    """That answers at the socket; empty if none does."""
    docker_at_boot: str
    """What systemd says of docker.service: enabled."""
    socket: Found | None
    rootless: str
    """A socket of a Docker without root, where there is one."""
    lacks_apparmor: bool
    """The kernel has AppArmor, and its parser is not there, without which Docker starts no container."""
    repository: str
    """Why Docker's own repository cannot be used; empty if it can."""
    apt_holder: str
    """Who has apt's lock: unattended-upgr."""
    has_user: bool
    shell: str
    """With which that user logs in."""
    groups: tuple[str, ...]
    """Those of the user who deploys."""
    has_key: bool
    """The deploy key lets in that user."""
    folders: Mapping[str, Found]
    """Those that are wanted and there."""
    accessories: tuple[str, ...]
    """Those of the service that have a container, running or not."""
    volumes: tuple[str, ...]
    """Whosever they are."""
    released: tuple[str, ...]
    """Secrets that nobody has to choose, and that a release of the service has."""
    sshd: Mapping[str, str]
    """What is in force in its config: passwordauthentication → yes."""
    firewall: str
    """The one that is active: ufw."""
    upgrades_itself: bool
    needs_reboot: bool


def server_of(output: str) -> Server:
    """From what `look.LOOK` prints."""
    told = sections(output)

    def first(name: str) -> str:
        return next(iter(told.get(name, ())), "")

    distribution, codename, title = [*told.get("distribution", ()), "", "", ""][:3]
    folders = (line.partition(" ")[::2] for line in told.get("folders", ()))
    return Server(
        distribution=distribution,
        codename=codename,
        title=title or "an unknown system",
        has_systemd=bool(first("systemd")),
        docker_program=first("dockerd"),
        docker_package=first("package"),
        docker_version=first("version"),
        docker_at_boot=first("boot"),
        socket=_found(first("socket")),
        rootless=first("rootless"),
        lacks_apparmor=bool(first("apparmor")),
        repository=first("repository"),
        apt_holder=first("apt"),
        has_user=bool(first("user")),
        shell=first("user").rpartition(":")[2],
        groups=tuple(first("groups").split()),
        has_key=bool(first("key")),
        folders={path: found for line, path in folders if (found := _found(line.replace(",", " ")))},
        accessories=tuple(filter(None, told.get("accessories", ()))),
        volumes=tuple(told.get("volumes", ())),
        released=tuple(told.get("released", ())),
        sshd=dict(line.split(" ", 1) for line in told.get("sshd", ()) if " " in line),
        firewall=first("firewall"),
        upgrades_itself=bool(first("upgrades")),
        needs_reboot=bool(first("reboot")),
    )


def _found(line: str) -> Found | None:
    """`2770 root docker`."""
    fields = line.split()
    return Found(mode=fields[0], owner=fields[1], group=fields[2]) if len(fields) == 3 else None
