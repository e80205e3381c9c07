"""How hosts do: what serves on one, whether it is well, what it uses."""

from dataclasses import dataclass
from datetime import datetime

from shipper.model.container import Container
from shipper.model.records import Freeze, Holder

HEALTHY = "healthy"


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Of a file system, for those who are not root."""

    free: int
    """Bytes."""
    used_percent: int


@dataclass(frozen=True, kw_only=True)
class RoleStatus:
    """One role on one host."""

    host_name: str
    role_name: str
    container: Container | None
    """That which serves, or did until it was stopped."""
    health: str
    """`healthy` if it passes the gate of its release now, `stopped` after a `shipper stop`, else what is wrong."""
    stopped: bool = False
    expected: bool = True
    """The release that was deployed last on this host has the role there; before the first one, the config has."""
    finished: bool = True
    """The deploy that brought what serves came to its end."""
    handover: str = ""
    """What an app says of itself that hands over: standby, active or draining."""
    cpu_percent: float | None = None
    """Of one processor."""
    memory: int | None = None
    """Bytes, as `docker stats` counts them."""
    memory_limit: int | None = None
    """Bytes."""


@dataclass(frozen=True, kw_only=True)
class AccessoryStatus:
    """One accessory on one host."""

    host_name: str
    name: str
    container: Container | None
    health: str
    """`healthy` if it passes the gate of the config now, else what is wrong."""
    changed: bool = False
    """The config says something else of it than when it was booted: `shipper accessory boot` makes that true."""
    expected: bool = True
    """The config has it on this host."""


@dataclass(frozen=True, kw_only=True)
class HostStatus:
    """One host, as it was when we looked."""

    host_name: str
    at: datetime
    problem: str = ""
    """Why it could not be looked at; then all that follows is about that, or empty."""
    next: str = ""
    """How to mend that, if it is known."""
    exit_code: int = 0
    """Of that problem."""
    disk: Disk | None = None
    """That on which Docker keeps its images."""
    holder: Holder | None = None
    """Who holds the lock."""
    freeze: Freeze | None = None
    """The one that holds now."""
    roles: tuple[RoleStatus, ...] = ()
    accessories: tuple[AccessoryStatus, ...] = ()
