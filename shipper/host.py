"""World over asyncssh, the only module that imports it: one connection to a server carries everything.

Host keys are checked against the pinned `config/known_hosts`, then the user's own; nothing is accepted silently.
"""

import asyncio
import http.client
import io
import re
import shlex
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import asyncssh

from shipper.config import Ssh
from shipper.errors import (
    ConfigError,
    ConnectError,
    DockerUnavailable,
    ForwardingDisabled,
    HostKeyError,
    LoginRefused,
    ShipperError,
)
from shipper.world import Answer, Finished

_LONGEST_ANSWER = 65536  # bytes of a probe's answer that are read: enough for its status and the start of its body
_KEEPALIVE = 15.0  # seconds; three without an answer and the connection counts as dead


@dataclass(frozen=True, kw_only=True)
class Access:
    """How servers are reached."""

    ssh: Ssh
    root: Path
    environ: Mapping[str, str]
    timeout: float
    call_timeout: float

    @property
    def pinned(self) -> Path:
        return self.root / self.ssh.known_hosts

    @property
    def users_own(self) -> Path:
        return Path(self.environ.get("HOME", "~")).expanduser() / ".ssh" / "known_hosts"


@dataclass(frozen=True)
class HostKey:
    """A server's key; `known` tells whether it is pinned already, `changed` that another one is."""

    host_name: str
    algorithm: str
    fingerprint: str
    line: str
    known: bool
    changed: bool


class SshHost:
    def __init__(
        self,
        name: str,
        connection: asyncssh.SSHClientConnection,
        access: Access,
        on_call: Callable[[str, float], None],
    ):
        self.name = name
        self._connection = connection
        self._access = access
        self._on_call = on_call

    async def run(self, command: str, input: str = "") -> Finished:
        """Runs a command of the server's shell."""
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(self._access.call_timeout):
                result = await self._connection.run(command, input=input)
        except TimeoutError:
            raise ConnectError(f"{self.name}: a command did not end within {self._access.call_timeout:g} s.") from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self.name}: the connection broke: {_reason(error)}") from None
        finally:
            self._on_call(f"ssh {shlex.split(command)[0]}", time.perf_counter() - begun)
        return Finished(
            exit_code=-1 if result.returncode is None else result.returncode,
            output=str(result.stdout or ""),
            errors=str(result.stderr or ""),
        )

    async def connect_tcp(self, address: str, port: int, timeout: float) -> None:
        _, writer = await self._open(address, port, timeout)
        writer.close()

    async def http_get(self, address: str, port: int, path: str, timeout: float) -> Answer:
        reader, writer = await self._open(address, port, timeout)
        request = f"GET {path} HTTP/1.1\r\nHost: {address}:{port}\r\nUser-Agent: shipper\r\nConnection: close\r\n\r\n"
        received = b""
        try:
            writer.write(request.encode())
            with suppress(TimeoutError):  # the status may have come, though the server does not close
                async with asyncio.timeout(timeout):
                    while not _is_whole(received) and (chunk := await reader.read(_LONGEST_ANSWER)):
                        received += chunk
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(_reason(error)) from None
        finally:
            writer.close()
        if not received:
            raise ConnectError(f"port {port} accepts, but gave no answer within {timeout:g} s")
        return _parsed(received)

    async def _open(
        self, address: str, port: int, timeout: float
    ) -> "tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]":
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(timeout):
                return await self._connection.open_connection(address, port, encoding=None)
        except TimeoutError:
            raise ConnectError(f"port {port} did not answer within {timeout:g} s") from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"port {port}: {_reason(error)}") from None
        finally:
            self._on_call(f"connect {address}:{port}", time.perf_counter() - begun)

    async def free_disk(self, folder: str) -> int | None:
        finished = await self.run(f"df -Pk {shlex.quote(folder)}")
        fields = finished.output.splitlines()[-1].split() if finished.output else []
        return int(fields[3]) * 1024 if finished.exit_code == 0 and len(fields) >= 6 and fields[3].isdigit() else None

    async def forward_socket(self, remote: str, folder: Path) -> Path:
        """A UNIX socket here that leads to one there, while the connection lasts."""
        local = folder / "docker.sock"
        try:
            await self._connection.forward_local_path(str(local), remote)
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self.name}: cannot make the socket {local}: {_reason(error)}") from None
        return local

    async def why_no_docker(self, socket_path: str) -> ShipperError:
        """What keeps us from the Docker socket there: only asked when it did not work."""
        try:
            _, writer = await self._connection.open_unix_connection(socket_path, encoding=None)
            writer.close()
        except asyncssh.ChannelOpenError as error:
            if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
                return ForwardingDisabled(
                    f"{self.name}: sshd forbids forwarding, so Docker cannot be reached through it.",
                    now="Nothing was done.",
                    next="Set AllowTcpForwarding yes and AllowStreamLocalForwarding yes in /etc/ssh/sshd_config there.",
                )
        except (asyncssh.Error, OSError) as error:
            return ConnectError(f"{self.name}: the connection broke: {_reason(error)}")
        quoted = shlex.quote(socket_path)
        seen = await self.run(
            f"if [ ! -S {quoted} ]; then echo absent; elif [ ! -w {quoted} ]; then echo denied; fi; id -un"
        )
        state, _, user = seen.output.strip().rpartition("\n")
        if state == "absent":
            return DockerUnavailable(
                f"{self.name}: there is no Docker socket at {socket_path}.",
                now="Nothing was done.",
                next="Install and start Docker Engine (https://docs.docker.com/engine/install/), or set docker_socket.",
            )
        if state == "denied":
            return DockerUnavailable(
                f"{self.name}: {user} may not use the Docker socket {socket_path}.",
                now="Nothing was done.",
                next=f"As root there: usermod -aG docker {user}",
            )
        return DockerUnavailable(
            f"{self.name}: nothing answers at the Docker socket {socket_path}.",
            now="Nothing was done.",
            next="Start Docker Engine there: systemctl start docker",
        )


@asynccontextmanager
async def connect(host_name: str, access: Access, on_call: Callable[[str, float], None]) -> AsyncIterator[SshHost]:
    """Logs in. Raises ConnectError and its children, each saying what is wrong and how to mend it."""
    async with _tunnel(access) as tunnel, await _login(host_name, access, tunnel) as connection:
        yield SshHost(host_name, connection, access, on_call)


@asynccontextmanager
async def private_folder() -> AsyncIterator[Path]:
    """Readable to nobody else: who can open the forwarded socket is root on the server."""
    with tempfile.TemporaryDirectory(prefix="shipper-") as folder:  # made with mode 0700
        yield Path(folder)


@asynccontextmanager
async def _tunnel(access: Access) -> AsyncIterator[asyncssh.SSHClientConnection | None]:
    """Through the jump hosts, each with the same keys and the same check of its host key."""
    tunnel: asyncssh.SSHClientConnection | None = None
    opened: list[asyncssh.SSHClientConnection] = []
    try:
        for jump in access.ssh.proxy_jump:
            tunnel = await _login(jump, access, tunnel)
            opened.append(tunnel)
        yield tunnel
    finally:
        for connection in reversed(opened):
            connection.close()


async def _login(
    host_name: str, access: Access, tunnel: asyncssh.SSHClientConnection | None
) -> asyncssh.SSHClientConnection:
    user, address, port = split(host_name, access.ssh)
    seen: list[asyncssh.SSHKey] = []

    class Client(asyncssh.SSHClient):
        def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
            seen.append(key)  # none that we know: refused, and shown in the error
            return False

    options: dict[str, object] = {"agent_path": None} if access.ssh.key or access.ssh.key_env else {}
    if user:
        options["username"] = user
    if port:
        options["port"] = port
    try:
        async with asyncio.timeout(access.timeout):
            connection, _ = await asyncssh.create_connection(
                Client,
                address,
                tunnel=tunnel or (),
                client_keys=_keys(access),
                known_hosts=lambda host, addr, number: _known(access, host, addr, number),
                preferred_auth=("publickey",),
                keepalive_interval=_KEEPALIVE,
                **options,  # type: ignore[arg-type]  # what is absent is for ~/.ssh/config to say
            )
    except TimeoutError:
        raise ConnectError(
            f"{host_name}: no answer within {access.timeout:g} s.",
            now="Nothing was done.",
            next="Is the server up, and does a firewall let you through? The deadline is timeouts.connect.",
        ) from None
    except asyncssh.HostKeyNotVerifiable:
        raise _untrusted(host_name, access, address, port, seen) from None
    except asyncssh.PermissionDenied:
        raise LoginRefused(
            f"{host_name}: the server accepts none of your keys{f' for user {user}' if user else ''}.",
            now="Nothing was done.",
            next=f"Try: ssh {f'-p {port} ' if port else ''}{f'{user}@' if user else ''}{address}   "
            "The key comes from ssh.key, ssh.key_env, the agent or ~/.ssh/config.",
        ) from None
    except socket.gaierror:
        raise ConnectError(f"{host_name}: there is no host of this name.", now="Nothing was done.") from None
    except ConnectionRefusedError:
        raise ConnectError(
            f"{host_name}: the connection was refused: no sshd listens on port {port or 22}.",
            now="Nothing was done.",
            next="Is sshd running there, and is this its port (ssh.port)?",
        ) from None
    except (asyncssh.Error, OSError) as error:
        raise ConnectError(f"{host_name}: cannot connect: {_reason(error)}", now="Nothing was done.") from None
    return connection


def split(host_name: str, ssh: Ssh) -> tuple[str | None, str, int | None]:
    """user, address and port of `[user@]address[:port]`, completed by the config."""
    user, _, rest = host_name.rpartition("@")
    address, colon, port = rest.rpartition(":")
    if not colon or rest.endswith("]"):
        address, port = rest, ""
    return user or ssh.user, address.strip("[]"), int(port) if port else ssh.port


def _keys(access: Access) -> object:
    if access.ssh.key:
        path = access.root / Path(access.ssh.key).expanduser()
        if not path.is_file():
            raise ConfigError(f"ssh.key: there is no file {path}")
        return [str(path)]
    if not access.ssh.key_env:
        return ()  # asyncssh then takes those of ~/.ssh/config and the usual files
    text = access.environ.get(access.ssh.key_env)
    if not text:
        raise ConfigError(f"ssh.key_env: the environment variable {access.ssh.key_env} is not set")
    try:
        return [asyncssh.import_private_key(text.strip() + "\n")]
    except asyncssh.KeyImportError:
        raise ConfigError(
            f"ssh.key_env: {access.ssh.key_env} does not hold a private key without passphrase",
            next="It must hold the whole file, from -----BEGIN to END----- with its line breaks.",
        ) from None


def _known(access: Access, host: str, address: str, port: int | None) -> object:
    pinned = _match(access.pinned, host, address, port)
    return pinned if any(pinned[:3]) else _match(access.users_own, host, address, port)


def _match(file: Path, host: str, address: str, port: int | None) -> tuple[list[object], ...]:
    try:
        known = asyncssh.read_known_hosts(str(file))
    except FileNotFoundError:
        return ([], [], [], [], [], [], [])
    except (ValueError, OSError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from None
    return cast("tuple[list[object], ...]", asyncssh.match_known_hosts(known, host, address, port))


def _untrusted(
    host_name: str, access: Access, address: str, port: int | None, seen: list[asyncssh.SSHKey]
) -> HostKeyError:
    known = _known(access, address, address, port)
    shown = f"{seen[-1].get_algorithm()} {seen[-1].get_fingerprint()}" if seen else "of a kind that is not known"
    if any(cast("tuple[list[object], ...]", known)[:3]):
        return HostKeyError(
            f"{host_name}: the server's host key HAS CHANGED. It now shows {shown}.",
            now="Someone may be listening in, or the server was made anew; nothing was sent to it.",
            next=f"Compare the fingerprint with the server's console. If it is right: shipper trust {host_name}",
        )
    return HostKeyError(
        f"{host_name}: the server's host key is not known. It shows {shown}.",
        now="Nothing was sent to it.",
        next=f"Compare the fingerprint with the server's console. If it is right: shipper trust {host_name}",
    )


async def host_key(host_name: str, access: Access) -> HostKey:
    """The key that the server shows now, and what is pinned for it."""
    _, address, port = split(host_name, access.ssh)
    try:
        async with asyncio.timeout(access.timeout), _tunnel(access) as tunnel:
            key = await asyncssh.get_server_host_key(address, port or (), tunnel=tunnel or ())
    except TimeoutError:
        raise ConnectError(f"{host_name}: no answer within {access.timeout:g} s.") from None
    except (asyncssh.Error, OSError) as error:
        raise ConnectError(f"{host_name}: cannot connect: {_reason(error)}") from None
    if key is None:
        raise ConnectError(f"{host_name}: the server showed no host key.")
    pinned = _match(access.pinned, address, address, port)[0]
    name = f"[{address}]:{port}" if port and port != 22 else address
    return HostKey(
        host_name=host_name,
        algorithm=key.get_algorithm(),
        fingerprint=key.get_fingerprint(),
        line=f"{name} {key.export_public_key().decode().strip()}",
        known=key in pinned,
        changed=bool(pinned) and key not in pinned,
    )


def pin(key: HostKey, access: Access) -> None:
    """Writes the key to the pinned file, in the place of another one that stood there for the host."""
    name = key.line.split()[0]
    lines = access.pinned.read_text().splitlines() if access.pinned.is_file() else []
    kept = [line for line in lines if not line.strip() or line.split()[0] != name]
    access.pinned.parent.mkdir(parents=True, exist_ok=True)
    temporary = access.pinned.with_name(f".{access.pinned.name}.new")
    temporary.write_text("\n".join([*kept, key.line]) + "\n")
    temporary.replace(access.pinned)


class _Received(io.BytesIO):
    """What http.client takes for a socket."""

    def makefile(self, mode: str) -> "_Received":
        return self


def _is_whole(received: bytes) -> bool:
    headers, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", headers)
    return len(received) > _LONGEST_ANSWER or (length is not None and len(body) >= int(length[1]))


def _parsed(received: bytes) -> Answer:
    response = http.client.HTTPResponse(cast(socket.socket, _Received(received)))
    try:
        response.begin()
        body = response.read(_LONGEST_ANSWER)
    except http.client.IncompleteRead as error:
        body = error.partial
    except http.client.HTTPException:
        raise ConnectError("the answer is not HTTP") from None
    return Answer(status=response.status, body=body.decode(errors="replace"))


def _reason(error: Exception) -> str:
    if isinstance(error, asyncssh.Error):
        return error.reason or type(error).__name__
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
