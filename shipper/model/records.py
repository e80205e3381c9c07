"""What the journal, the lock, the freeze and logs tell."""

from dataclasses import dataclass
from datetime import datetime

from shipper.model.container import Container
from shipper.model.release import short


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """Deploys are refused until it is lifted, or is over."""

    performer: str
    reason: str
    since: datetime
    until: datetime | None = None

    @property
    def until_text(self) -> str:
        """Its end, for people: " until 2026-03-01 12:00 UTC"; empty if it has none."""
        return f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until


TERMINAL = "terminal"
"""Where a deploy comes from if nothing else is known."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds the lock of a service, for those who find it taken."""

    performer: str
    since: str
    purpose: str
    origin: str = TERMINAL
    """From where, as in `Project`; older versions do not tell."""


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """What the last holder of the lock was at when it died."""

    command: str
    """deploy, rollback, restart, stop or start."""
    release_number: int
    role_names: tuple[str, ...] = ()
    """Those that it was to change."""


@dataclass(frozen=True, kw_only=True)
class PastDeploy:
    """One line of `shipper history`."""

    host_name: str
    deploy_id: str
    begun_at: datetime
    performer: str
    origin: str
    """From where: the URL of a CI run, "telegram", "terminal"; empty where an older version did not write it down."""
    version: str
    """As in `Release`; empty like `origin`."""
    title: str
    outcome: str
    """deployed, "rolled back", restarted, stopped, started, unchanged, failed; interrupted, where what served before
    serves again; "under way"; unfinished if it died."""
    seconds: float | None = None
    """From its first entry to its last; None where that is not known."""

    @property
    def short_version(self) -> str:
        return short(self.version)


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line that a container wrote, secrets masked."""

    at: datetime
    """By the server's clock."""
    host_name: str
    container: Container
    is_error: bool
    """It was written to standard error."""
    text: str
