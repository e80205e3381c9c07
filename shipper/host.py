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

_LONGEST_END = 10.0  # seconds


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
        if result.returncode is None:
            raise ConnectError(f"{self.name}: the connection broke.")
        return Finished(
            exit_code=result.returncode,
            output=str(result.stdout or ""),
            errors=str(result.stderr or ""),
        )

    def abort(self) -> None:
        """Ends the connection at once, and with it all that is under way over it."""
        self._connection.abort()

    async def converse(self, command: str) -> "Conversation":
        """Starts a command that is spoken with, line by line."""
        try:
            async with asyncio.timeout(self._call_timeout):
                return Conversation(self.name, await self._connection.create_process(command))
        except TimeoutError:
            raise ConnectError(f"{self.name}: a command did not begin within {self._call_timeout:g} s.") from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self.name}: the connection broke: {reason(error)}") from None

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
            late = f"gave no answer within {timeout:g} s"
            raise ConnectError(f"port {port} accepts, but {'hung up' if reader.at_eof() else late}")
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
        """What keeps us from the Docker socket there: only asked when it did not work.

        sshd refuses to forward a socket with the same words whatever the reason, so the server's shell is asked.
        """
        socket_there, now = shlex.quote(socket_path), "Nothing was done."
        seen = await self.run(
            f"if [ ! -S {socket_there} ]; then echo absent; elif [ ! -w {socket_there} ]; then echo denied; "
            f"elif docker --host unix://{socket_there} version >/dev/null 2>&1; then echo answers; fi; id -un"
        )
        state, _, user = seen.output.strip().rpartition("\n")
        match state:
            case "absent":
                return DockerUnavailable(
                    f"{self.name}: there is no Docker socket at {socket_path}.",
                    now=now,
                    next="Install and start Docker Engine there (https://docs.docker.com/engine/install/).",
                )
            case "denied":
                return DockerUnavailable(
                    f"{self.name}: {user} may not use the Docker socket {socket_path}.",
                    now=now,
                    next=f"As root there: usermod -aG docker {user}",
                )
            case "answers":
                return ForwardingDisabled(
                    f"{self.name}: sshd forbids forwarding, so Docker cannot be reached through it.",
                    now=now,
                    next="Set AllowTcpForwarding yes, AllowStreamLocalForwarding yes in /etc/ssh/sshd_config there.",
                )
            case _:
                return DockerUnavailable(
                    f"{self.name}: nothing answers at the Docker socket {socket_path}.",
                    now=now,
                    next="Start Docker Engine there: systemctl start docker",
                )


class Conversation:
    """A command on a server that answers each line with a line."""

    def __init__(self, host_name: str, process: "asyncssh.SSHClientProcess[str]") -> None:
        self._host_name = host_name
        self._process = process
        self.errors = ""

    def send(self, line: str) -> None:
        try:
            self._process.stdin.write(line + "\n")
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self._host_name}: the connection broke: {reason(error)}") from None

    async def answer(self, within: float) -> str:
        """The next line; empty if there will be none."""
        try:
            async with asyncio.timeout(within):
                return (await self._process.stdout.readline()).rstrip("\n")
        except TimeoutError:
            raise ConnectError(f"{self._host_name}: no answer within {within:g} s.") from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self._host_name}: the connection broke: {reason(error)}") from None

    async def end(self) -> int:
        """Waits for the command to end; returns its exit code."""
        try:
            async with asyncio.timeout(_LONGEST_END):
                finished = await self._process.wait()
        except (TimeoutError, asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self._host_name}: a command did not end: {type(error).__name__}") from None
        self.errors = str(finished.stderr or "").strip()
        return -1 if finished.returncode is None else finished.returncode


class _Received(io.BytesIO):
    """What http.client takes for a socket."""

    def makefile(self, mode: str) -> "_Received":
        return self


def _is_whole(received: bytes) -> bool:
    """Whether the answer has ended, for servers that do not close. https://www.rfc-editor.org/rfc/rfc9112#section-6.3"""
    headers, end, body = received.partition(b"\r\n\r\n")
    if not end or len(received) > _LONGEST_ANSWER:
        return bool(end)
    if length := re.search(rb"(?i)\r\ncontent-length: *(\d+)", headers):
        return len(body) >= int(length[1])
    if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", headers):
        return body.endswith(b"0\r\n\r\n")
    return re.match(rb"HTTP/1\.\d (204|304) ", headers) is not None


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
