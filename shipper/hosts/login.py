"""Reaching a server over asyncssh, and knowing that it is the right one.

Host keys are checked against the pinned `config/known_hosts`, then the user's own; nothing is accepted silently.
"""

import asyncio
import base64
import contextlib
import hashlib
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncssh

from shipper.config.parts import Ssh
from shipper.errors import ConfigError, ConnectError, HostKeyError, LoginRefused, ShipperError
from shipper.hosts.known_hosts import HostKey, Keys, first_known, known_in

_KEEPALIVE = 15.0  # seconds; three without an answer and the connection counts as dead


@dataclass(frozen=True, kw_only=True)
class Access:
    """How servers are reached."""

    ssh: Ssh
    root: Path
    environ: Mapping[str, str]
    timeout: float

    @property
    def with_own_keys(self) -> "Access":
        """With the agent's keys and those of ~/.ssh, whatever the config says: for when its key is not there yet."""
        return replace(self, ssh=self.ssh.model_copy(update={"key": None, "key_env": None}))

    @property
    def pinned(self) -> Path:
        return self.root / self.ssh.known_hosts

    @property
    def users_own(self) -> Path:
        return Path(self.environ.get("HOME", "~")).expanduser() / ".ssh" / "known_hosts"


@dataclass
class _Seen:
    """What a handshake showed, after ~/.ssh/config had its say about name and port."""

    host: str = ""
    address: str = ""
    port: int | None = None
    """As known_hosts has it: None for 22."""
    known: Keys = ()
    key: asyncssh.SSHKey | None = None


@contextlib.asynccontextmanager
async def login(host_name: str, access: Access) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """Raises ConnectError and its children, each saying what is wrong and how to mend it."""
    async with (
        _tunnel(access, access.ssh.proxy_jump) as tunnel,
        await _open(host_name, access, tunnel, _Seen()) as connection,
    ):
        yield connection


async def host_key(host_name: str, access: Access) -> HostKey:
    """The key that the server shows now; the connection ends before anything is sent. Raises ConnectError."""
    seen = _Seen()
    jumps = access.ssh.proxy_jump
    before = jumps[: jumps.index(host_name)] if host_name in jumps else jumps  # it may be a jump host itself
    async with _tunnel(access, before) as tunnel:
        with contextlib.suppress(HostKeyError):  # none is trusted: that is how we get to see it
            (await _open(host_name, access, tunnel, seen, trusts_any=False)).close()
    if not seen.key:
        raise ConnectError(f"{host_name}: the server showed no host key.")
    pinned = known_in(access.pinned, seen.host, seen.address, seen.port)[0]
    return HostKey(
        name=f"[{seen.host}]:{seen.port}" if seen.port else seen.host,
        algorithm=seen.key.get_algorithm(),
        fingerprint=seen.key.get_fingerprint(),
        public_key=seen.key.export_public_key().decode().strip(),
        is_pinned=seen.key in pinned,
        is_changed=bool(pinned) and seen.key not in pinned,
    )


@contextlib.asynccontextmanager
async def _tunnel(access: Access, jumps: Sequence[str]) -> AsyncIterator[asyncssh.SSHClientConnection | None]:
    """Through the jump hosts, each with the same keys and the same check of its host key."""
    tunnel: asyncssh.SSHClientConnection | None = None
    opened: list[asyncssh.SSHClientConnection] = []
    try:
        for jump in jumps:
            tunnel = await _open(jump, access, tunnel, _Seen(), is_jump=True)
            opened.append(tunnel)
        yield tunnel
    finally:
        for connection in reversed(opened):
            connection.close()


async def _open(
    host_name: str,
    access: Access,
    tunnel: asyncssh.SSHClientConnection | None,
    seen: _Seen,
    *,
    trusts_any: bool = True,
    is_jump: bool = False,
) -> asyncssh.SSHClientConnection:
    user, address, port = _split(host_name)

    class Client(asyncssh.SSHClient):
        def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
            seen.key = key  # none that we know: refused, and shown in the error
            return False

    def known_hosts(host: str, addr: str, number: int | None) -> Keys:
        seen.host, seen.address, seen.port = host, addr, number
        files = (access.pinned, access.users_own) if trusts_any else ()
        seen.known = first_known(files, host, addr, number)
        return seen.known

    compresses = access.ssh.compression and not is_jump  # what goes through a jump host is encrypted already
    options = _options(access, user, port, is_jump)
    keys = _keys(access) if trusts_any else ()  # whom we do not trust is shown none
    try:
        async with asyncio.timeout(access.timeout):
            connection, _ = await asyncssh.create_connection(
                Client,
                address,
                tunnel=tunnel or (),
                client_keys=keys,
                known_hosts=known_hosts,
                preferred_auth=("publickey",),
                # AES-GCM takes half the processor that ChaCha20 does, which stands first in asyncssh's own order
                encryption_algs="^aes256-gcm@openssh.com,aes128-gcm@openssh.com",
                compression_algs=("zlib@openssh.com", "none") if compresses else ("none",),
                keepalive_interval=_KEEPALIVE,
                **options,
            )
    except (asyncssh.Error, OSError, TimeoutError, ValueError) as error:
        raise _explained(error, host_name, access, seen, options) from None
    return connection


def _options(access: Access, user: str, port: int | None, is_jump: bool) -> dict[str, Any]:
    """What is absent is for ~/.ssh/config to say."""
    wanted = {"username": user or access.ssh.user, "port": port or (None if is_jump else access.ssh.port)}
    options: dict[str, Any] = {name: value for name, value in wanted.items() if value}
    if access.ssh.key or access.ssh.key_env:
        options["agent_path"] = None  # servers refuse those who try many keys
    return options


def _explained(
    error: Exception, host_name: str, access: Access, seen: _Seen, options: Mapping[str, Any]
) -> ShipperError:
    now = "Nothing was done."
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return _untrusted(host_name, seen)
        case asyncssh.PermissionDenied():
            user = options.get("username")
            return LoginRefused(
                f"{host_name}: the server accepts none of your keys{f' for user {user}' if user else ''}.",
                now=now,
                next=f"{_offered(access)} Is its public half in ~/.ssh/authorized_keys there, and that file nobody "
                "else's to write? As root there, sshd's log says why: journalctl -u ssh",
            )
        case TimeoutError():
            return ConnectError(
                f"{host_name}: no answer within {access.timeout:g} s.",
                now=now,
                next="Is the server up, and does a firewall let you through? The deadline is timeouts.connect.",
            )
        case socket.gaierror():
            return ConnectError(
                f"{host_name}: there is no host of this name.",
                now=now,
                next="Is it spelt right, and does DNS work here?",
            )
        case ConnectionRefusedError():
            return ConnectError(
                f"{host_name}: the connection was refused: no sshd listens on port {options.get('port', 22)}.",
                now=now,
                next="Is sshd running there, and is this its port (ssh.port)?",
            )
        case asyncssh.KeyImportError():
            return ConfigError(
                f"{access.ssh.key or 'a key of yours'} cannot be used: {error}",
                now=now,
                next="A key with a passphrase belongs into ssh-agent: ssh-add",
            )
        case asyncssh.ConfigParseError():
            return ConfigError(f"~/.ssh/config cannot be used: {error}", now=now, next="Mend it: man ssh_config")
        case _:
            return ConnectError(
                f"{host_name}: cannot connect: {reason(error)}", now=now, next=f"What does `ssh {host_name}` say?"
            )


def _offered(access: Access) -> str:
    """Which key was shown, so that it can be looked for on the server."""
    ssh = access.ssh
    if not (ssh.key or ssh.key_env):
        return "The keys were those of the agent and ~/.ssh/config; ssh.key in the config names one."
    name = f"${ssh.key_env}" if ssh.key_env and access.environ.get(ssh.key_env) else str(ssh.key)
    digest = hashlib.sha256(asyncssh.load_keypairs(_keys(access))[0].public_data).digest()
    return f"The key was SHA256:{base64.b64encode(digest).decode().rstrip('=')}, from {name}."


def _untrusted(host_name: str, seen: _Seen) -> HostKeyError:
    key = seen.key
    shown = f"{key.get_algorithm()} {key.get_fingerprint()}" if key else "one of a kind that is not known for it"
    trust = f"Compare the fingerprint with the server's console. If it is right: shipper trust {host_name}"
    if any(seen.known[:3]):
        return HostKeyError(
            f"{host_name}: the server's host key HAS CHANGED. It now shows {shown}.",
            now="Someone may be listening in, or the server was made anew; nothing was sent to it.",
            next=trust,
        )
    return HostKeyError(
        f"{host_name}: the server's host key is not known. It shows {shown}.",
        now="Nothing was sent to it.",
        next=trust,
    )


def _split(host_name: str) -> tuple[str, str, int | None]:
    """user, address and port of `[user@]address[:port]`, where an IPv6 address stands in brackets."""
    user, _, rest = host_name.rpartition("@")
    address, colon, port = rest.rpartition(":")
    if not colon or rest.endswith("]"):
        address, port = rest, ""
    return user, address.strip("[]"), int(port) if port else None


_NOTHING = "Nothing was done."


def _keys(access: Access) -> Any:
    text = access.environ.get(access.ssh.key_env or "")
    if access.ssh.key and not text:
        path = access.root / Path(access.ssh.key).expanduser()
        if not path.is_file():
            or_set = f", and {access.ssh.key_env} is not set" if access.ssh.key_env else ""
            raise ConfigError(
                f"ssh.key: there is no file {path}{or_set}", now=_NOTHING, next="`shipper setup` makes one."
            )
        return [str(path)]
    if not access.ssh.key_env:
        return ()  # asyncssh then takes those of ~/.ssh/config and the usual files
    if not text:
        raise ConfigError(
            f"ssh.key_env: the environment variable {access.ssh.key_env} is not set",
            now=_NOTHING,
            next="Set it to the whole text of a private key, as in CI; or name a file: ssh.key",
        )
    try:
        return [asyncssh.import_private_key(text.strip() + "\n")]
    except asyncssh.KeyImportError:
        raise ConfigError(
            f"ssh.key_env: {access.ssh.key_env} does not hold a private key without passphrase",
            now=_NOTHING,
            next="It must hold the whole file, from -----BEGIN to END----- with its line breaks.",
        ) from None


def reason(error: Exception) -> str:
    """What a foreign error says of itself, for people."""
    if isinstance(error, asyncssh.Error):
        return error.reason or type(error).__name__
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)  # asyncio's own text is "Connect call failed ('203.0.113.7', 22)"
    return str(error)
