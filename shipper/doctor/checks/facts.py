"""What the checks look at. PURE; `told.py` reads it out of what a server prints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shipper.config.root import Config
from shipper.errors import ShipperError
from shipper.model.container import Container
from shipper.model.image import Image
from shipper.model.observed import Observed
from shipper.model.records import Freeze, Holder
from shipper.model.release import Release


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
    stopped_roles: frozenset[str] = frozenset()
    """As in `Observed`."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One host. None stands for what could not be looked at: why is told once, for the look."""

    host_name: str
    config: Config
    full_name: str
    role_names: tuple[str, ...]
    """The roles of this host that are meant."""
    now: datetime
    way: Way | None = None
    absent_secrets: tuple[str, ...] = ()
    """Names without a value here."""
    here_platform: str = ""
    """Of the Docker that builds; empty if there is none, or nothing to build."""
    machine: Machine | None = None
    holder: Holder | None = None
    """Who has the lock."""
    is_unfinished: bool = False
    """The last entry of the journal is not the outcome of a deploy."""
    docker: Docker | None = None
    disks: tuple[Disk, ...] = ()
    containers: tuple[Container, ...] | None = None
    accessories: tuple[Container, ...] | None = None
    """None also where only roles are meant."""
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
            stopped_roles=self.past.stopped_roles,
        )
