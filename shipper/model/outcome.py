"""How a command ended."""

from dataclasses import dataclass

from shipper.model.observed import Serving
from shipper.model.release import Release

INTERRUPTED = 130
"""The exit code of what Ctrl-C or a signal ended, as a shell has it: 128 + SIGINT."""


@dataclass(frozen=True, kw_only=True)
class AccessoryEnd:
    """What became of one accessory on one host."""

    host_name: str
    name: str
    verb: str
    """unchanged, booted, replaced, started, restarted, failed, or left: as something that it waits for failed."""
    because: str
    """Of a failure, what went wrong."""
    logs: tuple[str, ...] = ()
    """Of a failure, its last lines."""
    runs: bool | None = None
    """Of a failure, whether the one before runs now; None if the server cannot be asked."""
    next: str = ""
    exit_code: int = 0


@dataclass(frozen=True, kw_only=True)
class Deployed:
    release: Release
    seconds: float
    exit_code = 0


@dataclass(frozen=True, kw_only=True)
class Unchanged:
    release: Release
    exit_code = 0


@dataclass(frozen=True, kw_only=True)
class Restarted:
    role_names: tuple[str, ...]
    releases: tuple[Release, ...]
    """Those that serve in these roles, the newest first."""
    seconds: float
    exit_code = 0


@dataclass(frozen=True, kw_only=True)
class Started:
    role_names: tuple[str, ...]
    """Those that did not serve."""
    releases: tuple[Release, ...]
    """Those that serve in these roles, the newest first."""
    seconds: float
    exit_code = 0


@dataclass(frozen=True, kw_only=True)
class Stopped:
    role_names: tuple[str, ...]
    """Those that were not stopped before; none if there was nothing to do."""
    seconds: float
    exit_code = 0


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A deploy that was begun and did not end well."""

    step: str
    reason: str
    logs: tuple[str, ...]
    serving: tuple[Serving, ...]
    restored: bool | None
    """Whether what served before still serves, or does again; None if the servers cannot be asked any more."""
    next: str
    error_code: int
    """The exit code of what went wrong, or `INTERRUPTED`."""

    @property
    def interrupted(self) -> bool:
        return self.error_code == INTERRUPTED

    @property
    def exit_code(self) -> int:
        return self.error_code if self.restored else 21


Outcome = Deployed | Unchanged | Restarted | Started | Stopped | Failed
