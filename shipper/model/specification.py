"""What makes a container what it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shipper.config.workloads import Logging
from shipper.model.secret import Env, Secret


@dataclass(frozen=True, kw_only=True)
class Mount:
    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class PublishedPort:
    address: str
    """Empty for all addresses of the host."""
    host_port: int
    container_port: int
    protocol: str = "tcp"


@dataclass(frozen=True, kw_only=True)
class FileInContainer:
    path: str
    content: Secret
    mode: int
    user_id: int
    group_id: int


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """What a command sees of the terminal that it runs at; `kind` is its TERM."""

    kind: str
    columns: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """Everything that makes a container what it is."""

    name: str
    image: str
    network_name: str
    aliases: tuple[str, ...]
    labels: Mapping[str, str]
    command: tuple[str, ...] | None = None
    env: Env = field(default_factory=dict)
    files: tuple[FileInContainer, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    memory: int | None = None
    cpus: float | None = None
    stop_timeout: float = 30.0
    init: bool = True
    user: str | None = None
    """Instead of the image's."""
    logging: Logging = field(default_factory=Logging)
    for_client: bool = False
    """For one client, whose input it reads: it is removed when it ends."""
    terminal: Terminal | None = None
