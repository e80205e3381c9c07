"""Everything that can go wrong, each with its exit code and the next thing to do.

    ShipperError
    ├── UsageError                  2   bad arguments
    ├── ConfigError                 2   deploy.yaml, the overlay or env.j2 is wrong
    ├── SecretError                 3   a secret is missing, or cannot be used as it is
    ├── SourceError                 4   Git does not know the revision
    ├── BuildError                  5   `docker build` failed, or there is no Docker here to build with
    ├── ImageError                  6   the image is nowhere, or was built for another processor
    ├── RegistryError               7   a registry refuses us, limits us, or does not answer
    ├── ConnectError               10   no answer: refused, unknown name, deadline
    │   ├── LoginRefused           11   the server accepts none of our keys
    │   ├── HostKeyError           12   the server's key is unknown or has changed
    │   ├── ForwardingDisabled     13   sshd forbids the forwarding that a gate needs
    │   └── DockerUnavailable      14   no Docker there, or not for this user
    ├── HostError                  15   a command on the server failed
    ├── EngineError                16   Docker refused a request
    │   └── CommandNotStarted     127   the container has no such command, or 126: as Docker says it
    ├── DiskFull                   17   the image would not fit on the server
    ├── ReleaseNotFound            18   no such release on the servers
    ├── GateFailed                 20   the new container did not pass its gate
    │   └── MigrationFailed        19   a command of `release` failed, before anything swapped
    ├── AccessoryCommandFailed     24   the command that backs an accessory up, or restores it, failed
    ├── HookError                  23   a command of the config's `hooks` failed, and stopped what it stands before
    ├── Locked                     30   another deploy of the service is under way
    ├── Frozen                     32   deploys are frozen, by someone who gave a reason
    ├── Irreversible               33   a rollback would go back over a release from which there is no way back
    ├── PlanChanged                34   what would be done is not what was confirmed
    ├── Unproven                   35   the image is not what is healthy at the destination that it is to come from
    └── LockLost                   31   we cannot be sure any more that we are the only one who acts

A deploy that was begun and failed is not raised but returned (`model.Failed`): with the exit code of its cause while
what served before serves still or again, with 21 when it does not or is not known to. Ctrl-C and SIGTERM: 130.
`shipper doctor` ends with 40 when it found a problem, whatever it is: it may have found several.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shipper.planning.plan import Plan


class ShipperError(Exception):
    """What happened, what is true now, and what to do: the three parts of every message."""

    exit_code = 1
    logs: tuple[str, ...] = ()
    """The last lines of what failed, where it wrote some."""

    def __init__(self, what: str, *, now: str = "", next: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.now = now
        self.next = next

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.now, self.next) if part)


class UsageError(ShipperError):
    exit_code = 2


class ConfigError(ShipperError):
    exit_code = 2


class SecretError(ShipperError):
    exit_code = 3


class SourceError(ShipperError):
    exit_code = 4


class BuildError(ShipperError):
    exit_code = 5


class ImageError(ShipperError):
    exit_code = 6


class RegistryError(ShipperError):
    exit_code = 7


class AccessDenied(RegistryError):
    """To this repository; Docker Hub and GHCR say the same of one that does not exist yet."""


class ConnectError(ShipperError):
    exit_code = 10


class LoginRefused(ConnectError):
    exit_code = 11


class HostKeyError(ConnectError):
    exit_code = 12


class ForwardingDisabled(ConnectError):
    exit_code = 13


class DockerUnavailable(ConnectError):
    exit_code = 14


class HostError(ShipperError):
    exit_code = 15


class EngineError(ShipperError):
    exit_code = 16


class NotThere(EngineError):
    """Docker knows no such container, image or network."""


class CommandNotStarted(EngineError):
    """The exit code is Docker's, which older ones do not tell apart: 127 where there is no such command, else 126."""

    def __init__(self, what: str, *, exit_code: int, now: str = "", next: str = "") -> None:
        super().__init__(what, now=now, next=next)
        self.exit_code = exit_code


class DiskFull(ShipperError):
    exit_code = 17


class ReleaseNotFound(ShipperError):
    exit_code = 18


class GateFailed(ShipperError):
    """`what` is the reason; `logs` are the container's last lines."""

    exit_code = 20

    def __init__(self, what: str, *, logs: tuple[str, ...] = (), next: str = "") -> None:
        super().__init__(what, next=next)
        self.logs = logs


class MigrationFailed(GateFailed):
    exit_code = 19


class HookError(ShipperError):
    """Of what a hook wrote, `logs` are the last lines."""

    exit_code = 23

    def __init__(self, what: str, *, next: str = "", logs: tuple[str, ...] = ()) -> None:
        super().__init__(what, next=next)
        self.logs = logs


class AccessoryCommandFailed(ShipperError):
    exit_code = 24


class Locked(ShipperError):
    exit_code = 30


class Frozen(ShipperError):
    exit_code = 32


class Irreversible(ShipperError):
    exit_code = 33


class PlanChanged(ShipperError):
    """The world changed since somebody looked; `plan` is what would be done now, with its changes."""

    exit_code = 34

    def __init__(self, what: str, *, plan: "Plan", now: str = "", next: str = "") -> None:
        super().__init__(what, now=now, next=next)
        self.plan = plan


class Unproven(ShipperError):
    exit_code = 35


class LockLost(ConnectError):
    exit_code = 31
