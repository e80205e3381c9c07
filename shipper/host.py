"""World over asyncssh: one connection to a server carries everything."""

import asyncio
import http.client
import io
import re
import shlex
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

import asyncssh

from shipper.errors import ConnectError, DockerUnavailable, ForwardingDisabled, ShipperError
from shipper.login import reason
from shipper.world import Answer, Finished

_LONGEST_ANSWER = 65536  # bytes of a probe's answer that are read: enough for its status and the start of its body


class SshHost:
    def __init__(
        self,
        name: str,
        connection: asyncssh.SSHClientConnection,
        call_timeout: float,
        on_call: Callable[[str, float], None],
    ):
        self.name = name
        self._connection = connection
        self._call_timeout = call_timeout
        self._on_call = on_call

    async def run(self, command: str, input: str = "") -> Finished:
        """Runs a command of the server's shell."""
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(self._call_timeout):
                result = await self._connection.run(command, input=input)
        except TimeoutError:
            raise ConnectError(f"{self.name}: a command did not end within {self._call_timeout:g} s.") from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self.name}: the connection broke: {reason(error)}") from None
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

    async def http_get(self, address: str, port: int, path: str, timeout: float, header: str | None = None) -> Answer:
        reader, writer = await self._open(address, port, timeout)
        headers = f"Host: {header or f'{address}:{port}'}\r\nUser-Agent: shipper\r\nConnection: close"
        received = b""
        try:
            writer.write(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
            with suppress(TimeoutError):  # the status may have come, though the server does not close
                async with asyncio.timeout(timeout):
                    while not _is_whole(received) and (chunk := await reader.read(_LONGEST_ANSWER)):
                        received += chunk
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(reason(error)) from None
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
            raise ConnectError(f"port {port}: {reason(error)}") from None
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
            raise ConnectError(f"{self.name}: cannot make the socket {local}: {reason(error)}") from None
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
            return ConnectError(f"{self.name}: the connection broke: {reason(error)}")
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
