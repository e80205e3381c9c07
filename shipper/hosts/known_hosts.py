"""Host keys: which of them a known_hosts file has for a server, and how one is pinned there.

https://man.openbsd.org/sshd.8#SSH_KNOWN_HOSTS_FILE_FORMAT
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from shipper.errors import ConfigError

Keys = tuple[list[asyncssh.SSHKey], ...]

_NONE: Keys = ([], [], [], [], [], [], [])


@dataclass(frozen=True, kw_only=True)
class HostKey:
    """A key that a server shows."""

    name: str
    """As known_hosts names the server: its address, with the port if that is not 22."""
    algorithm: str
    fingerprint: str
    public_key: str
    is_pinned: bool
    is_changed: bool
    """Another key is pinned for the server."""


def pin(key: HostKey, file: Path) -> None:
    """Writes the key to the file, in the place of another one that stood there for the server."""
    lines = file.read_text().splitlines() if file.is_file() else []
    kept = [without for line in lines if (without := _without(key.name, line)) is not None]
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.new")
    temporary.write_text("\n".join([*kept, f"{key.name} {key.public_key}"]) + "\n")
    temporary.replace(file)


def _without(name: str, line: str) -> str | None:
    """A line of known_hosts without this name; None if it named nothing else."""
    names, space, rest = line.partition(" ")
    others = [other for other in names.split(",") if other != name]
    return ",".join(others) + space + rest if others else None


def first_known(files: Sequence[Path], host: str, address: str, port: int | None) -> Keys:
    """Those of the first file that knows the server."""
    found = _NONE
    for file in files:
        found = known_in(file, host, address, port)
        if any(found[:3]):
            break
    return found


def known_in(file: Path, host: str, address: str, port: int | None) -> Keys:
    try:
        found: Any = asyncssh.match_known_hosts(asyncssh.read_known_hosts(str(file)), host, address, port)
    except FileNotFoundError:
        return _NONE
    except (ValueError, OSError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from None
    keys: Keys = found
    return keys
