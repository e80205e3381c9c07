"""What the checks look at, and how it is read out of what a server prints. PURE."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shipper.config import Config
from shipper.errors import ShipperError
from shipper.model import Container, Freeze, Image, Observed, Release


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a server is reached."""

    login_seconds: float
    round_trip: float
    skew: float | None
    """Seconds by which its clock is ahead of ours; None where it does not tell the time."""
    skew_error: float
    """Seconds by which `skew` may be wrong."""
    leads_to_socket: bool
    """Whether sshd forwards Docker's socket."""
    leads_to_ports: bool
    leads_back: bool | None
    """Whether sshd opens ports that lead back here; None where nobody needs one."""
    is_open_to_all: bool
    """Such a port is opened on all its addresses."""
    refusal: str
    """Why sshd opened no further session; empty if it did."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder there, and what the user who deploys may do in it."""

    mode: str
    """As in 2770."""
    owner: str
    group: str
    is_usable: bool


@dataclass(frozen=True, kw_only=True)
class Disk:
    """What `df` says of the file system that a folder lies on."""

    folder: str
    size: int
    free: int
    """Bytes that this user may still write."""
    inodes: int
    """0 where the file system has no fixed number."""
    free_inodes: int


@dataclass(frozen=True, kw_only=True)
class Listening:
    """A port that something listens on."""

    address: str
    """Empty for all addresses."""
    port: int
    protocol: str
    container_name: str = ""
    """The container that publishes it, if Docker says so."""
    is_ours: bool = False


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A server, as its shell tells."""

    user: str
    missing: tuple[str, ...]
    """Programs that are not there."""
    root: Folder | None
    """/var/lib/shipper, if it is there."""
    may_make_root: bool
    state: Folder | None
    """The service's folder in it."""
    closed: tuple[str, ...]
    """Paths in that folder which this user cannot write to."""
    memory: int
    available_memory: int
    boot: str
    """What systemd says of Docker at boot; empty where there is no systemd."""
    is_locked: bool
    holder: Mapping[str, Any]
    last_entry: Mapping[str, Any]
    """Of the journal."""
    listening: tuple[Listening, ...]


@dataclass(frozen=True, kw_only=True)
class Docker:
    """A Docker Engine, as it tells."""

    version: str
    platform: str
    driver: str
    is_containerd: bool
    folder: str
    limits_memory: bool
    published: tuple[Listening, ...]
    """The ports of all containers that run."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """What the records on a host tell, as far as Docker still has it."""

    releases: tuple[Release, ...]
    absent_images: tuple[int, ...]
    """Numbers of the releases whose image is gone."""
    secret_names: frozenset[str]
    """Those that the release that serves has a value for."""
    freeze: Freeze | None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One host. None stands for what could not be looked at: why is told once, for the look."""

    host_name: str
    config: Config
    full_name: str
    role_names: tuple[str, ...]
    """The roles of this host that are meant."""
    now: datetime
    way: Way
    absent_secrets: tuple[str, ...] = ()
    """Names without a value here."""
    here_platform: str = ""
    """Of the Docker that builds; empty if there is none, or nothing to build."""
    machine: Machine | None = None
    is_unfinished: bool = False
    """The last entry of the journal is not the outcome of a deploy."""
    docker: Docker | None = None
    disks: tuple[Disk, ...] = ()
    containers: tuple[Container, ...] | None = None
    image: Image | None = None
    """The wanted one, if the host has it."""
    serving_size: int = 0
    """Bytes of the largest image that serves."""
    past: Past | None = None
    registry: str = ""
    """What it says of the wanted image: has, lacks, denies; empty where there is none, or it could not be asked."""
    failures: Mapping[str, ShipperError] = field(default_factory=dict)
    """What could not be looked at → why."""

    @property
    def lacks_image(self) -> bool:
        """Neither has it nor can pull it."""
        return self.containers is not None and not self.image and self.registry != "has"

    @property
    def observed(self) -> Observed | None:
        if self.containers is None or self.past is None:
            return None
        return Observed(
            host_name=self.host_name,
            platform=self.docker.platform if self.docker else "",
            containers=tuple(container for container in self.containers if not container.run),
            releases=self.past.releases,
        )


def sections(output: str) -> dict[str, list[str]]:
    """Lines under `@name` → name: lines."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in output.splitlines():
        if line.startswith("@"):
            name = line[1:]
            found[name] = []
        elif name:
            found[name].append(line)
    return found


def machine_of(output: str) -> Machine:
    """From what `look_there.LOOK` prints."""
    told = sections(output)

    def first(name: str) -> str:
        return next(iter(told.get(name, ())), "")

    memory = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in told.get("memory", ())}
    return Machine(
        user=first("user"),
        missing=tuple(told.get("missing", ())),
        root=_folder(first("root")),
        may_make_root=bool(told.get("parent")),
        state=_folder(first("state")),
        closed=tuple(told.get("closed", ())),
        memory=memory.get("MemTotal", 0),
        available_memory=memory.get("MemAvailable", 0),
        boot=" ".join(told.get("boot", ())),
        is_locked=bool(told.get("locked")),
        holder=_json(first("holder")),
        last_entry=_json(first("journal")),
        listening=listening_of(told.get("listening", ())),
    )


def _folder(line: str) -> Folder | None:
    """`2770 root docker yes`."""
    fields = line.split()
    if len(fields) < 3:
        return None
    return Folder(mode=fields[0], owner=fields[1], group=fields[2], is_usable=fields[3:] == ["yes"])


def _json(line: str) -> Mapping[str, Any]:
    with suppress(ValueError):
        value = json.loads(line)
        if isinstance(value, dict):
            return value
    return {}


def listening_of(lines: Sequence[str]) -> tuple[Listening, ...]:
    """Lines of /proc/net/tcp, tcp6, udp and udp6, each after the name of its file.

    https://docs.kernel.org/networking/proc_net_tcp.html
    """
    found = []
    for line in lines:
        if match := re.match(r"\S*/(tcp|udp)6?:\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) ", line):
            found.append(Listening(address=_address(match[2]), port=int(match[3], 16), protocol=match[1]))
    return tuple(dict.fromkeys(found))


def _address(digits: str) -> str:
    """Each four bytes stand in the order of the processor, which is little-endian wherever Docker runs in earnest."""
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    if not any(any(word) for word in words):
        return ""
    if len(words) == 1:
        return ".".join(map(str, words[0]))
    if words[:2] == [bytes(4)] * 2 and words[2] == b"\0\0\xff\xff":
        return ".".join(map(str, words[3]))
    whole = b"".join(words).hex()
    return "[" + ":".join(whole[at : at + 4] for at in range(0, 32, 4)) + "]"


def disk_of(folder: str, output: str) -> Disk | None:
    """From `df -Pk` and then `df -Pi`, each with its head; None where it says nothing."""
    rows = [line.split() for line in output.splitlines() if "%" in line and not line.startswith("Filesystem")]
    if not rows or len(rows[0]) < 6 or not rows[0][1].isdigit():
        return None
    inodes = rows[1] if len(rows) > 1 else []
    has_inodes = len(inodes) >= 6 and inodes[1].isdigit() and inodes[3].isdigit()
    return Disk(
        folder=folder,
        size=int(rows[0][1]) * 1024,
        free=int(rows[0][3]) * 1024,
        inodes=int(inodes[1]) if has_inodes else 0,
        free_inodes=int(inodes[3]) if has_inodes else 0,
    )


def docker_of(version: Mapping[str, Any], info: Mapping[str, Any], containers: Sequence[Any], ours: str) -> Docker:
    """From the Engine API's /version, /info and /containers/json; `ours` is the value of our label."""
    status = [value for pair in info.get("DriverStatus") or () for value in pair]
    return Docker(
        version=version["Version"],
        platform=f"{version['Os']}/{version['Arch']}",
        driver=info["Driver"],
        is_containerd=any("io.containerd.snapshotter" in value for value in status),
        folder=info["DockerRootDir"],
        limits_memory=info["MemoryLimit"],
        published=tuple(
            Listening(
                address={"0.0.0.0": "", "::": ""}.get(port.get("IP", ""), port.get("IP", "")),
                port=port["PublicPort"],
                protocol=port["Type"],
                container_name=container["Names"][0].lstrip("/"),
                is_ours=(container.get("Labels") or {}).get("shipper.service") == ours,
            )
            for container in containers
            for port in container.get("Ports") or ()
            if "PublicPort" in port
        ),
    )
