"""World over asyncssh: one connection to a server carries everything."""

import asyncio
import shlex
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import asyncssh

from shipper.errors import ConnectError, ForwardingDisabled
from shipper.hosts.conversation import LONGEST_END, Conversation, Session
from shipper.hosts.http_answer import LONGEST_ANSWER, answer_of, is_whole
from shipper.hosts.login import reason
from shipper.hosts.pace import Pace
from shipper.hosts.shell import Shell
from shipper.hosts.usage import SAMPLE, Sample, samples_of
from shipper.model.status import Disk
from shipper.tasks import uninterrupted
from shipper.world import Answer, Finished, Serve

_SESSIONS = 8  # at once, beside the shell and the conversation with the lock: sshd's MaxSessions is 10 unless set

_RETRIES = 3  # a round trip each, in which sshd gets to tidy up


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
        self._sessions = asyncio.Semaphore(_SESSIONS)
        self._shell: asyncio.Task[Shell] | None = None

    async def run(self, script: str, *arguments: str, input: str = "", doing: str = "") -> Finished:
        """Runs a script of /bin/sh there. Once begun it is waited for: it could act after what undoes it."""
        begun = time.perf_counter()
        try:
            return await uninterrupted(self._run(script, arguments, input))
        finally:
            self._on_call(doing or script, time.perf_counter() - begun)

    async def _run(self, script: str, arguments: tuple[str, ...], input: str) -> Finished:
        self.open_shell()
        assert self._shell
        return await (await self._shell).run(script, *arguments, input=input, within=self._call_timeout)

    def open_shell(self) -> None:
        """Begins to, unless it was begun: it takes three round trips, in which other things can be done."""
        if self._shell and self._shell.done() and (self._shell.exception() or self._shell.result().is_lost):
            self._shell = None
        if not self._shell:
            self._shell = asyncio.get_running_loop().create_task(self._opened_shell())
            # it is told to those who run something; perhaps nobody does
            self._shell.add_done_callback(lambda opened: opened.cancelled() or opened.exception())

    async def _opened_shell(self) -> Shell:
        return Shell(await self.converse("exec /bin/sh", errors="replace"))

    def abort(self) -> None:
        """Ends the connection at once, and with it all that is under way over it."""
        self._connection.abort()

    async def closed(self) -> None:
        """Returns when the connection has ended, whoever ended it."""
        await self._connection.wait_closed()

    async def converse(self, command: str, **options: Any) -> "Conversation":
        """Starts a command that is spoken with in text."""
        return Conversation(self.name, await self._begun(command, **options))

    @asynccontextmanager
    async def session(self, command: str) -> AsyncIterator["Session"]:
        """Runs a command that is spoken with in bytes; one that has not ended when the block is left is killed."""
        async with self._sessions:
            begun = time.perf_counter()
            try:
                # the shell tells its process id, which the command takes over
                process = await self._begun(f"echo $$ >&2; exec {command}", encoding=None)
            finally:
                self._on_call(f"session {shlex.split(command)[0]}", time.perf_counter() - begun)
            with closing(process):
                yield Session(process)
                with suppress(TimeoutError, ConnectError, asyncssh.Error, OSError):
                    async with asyncio.timeout(LONGEST_END):
                        await self._end(process)

    async def _begun(self, command: str, **options: Any) -> "asyncssh.SSHClientProcess[Any]":
        try:
            async with asyncio.timeout(self._call_timeout):
                return await self._opened(command, **options)
        except TimeoutError:
            raise ConnectError(f"{self.name}: a command did not begin within {self._call_timeout:g} s.") from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self.name}: no session was opened: {reason(error)}") from None

    async def _end(self, process: "asyncssh.SSHClientProcess[bytes]") -> None:
        """Kills by a command of the shell, since sshd passes on no signals for root (OpenSSH 9.2)."""
        if not process.stdout.at_eof():
            async for line in process.stderr:
                if line.strip().isdigit():
                    await self.run('kill -9 "$1"', line.decode().strip(), doing="end a session")
                    break
        await process.wait_closed()

    async def _opened(self, command: str, **options: Any) -> "asyncssh.SSHClientProcess[Any]":
        """Asks again when refused: sshd counts a session that has ended until it has dealt with our reply to that."""
        for _ in range(_RETRIES):
            with suppress(asyncssh.ChannelOpenError):
                return await self._connection.create_process(command, **options)
        return await self._connection.create_process(command, **options)

    async def connect_tcp(self, address: str, port: int, timeout: float) -> None:
        _, writer = await self._open(address, port, timeout)
        writer.close()

    async def connect_socket(self, path: str) -> None:
        """Connects to a UNIX socket, and closes. sshd refuses in the same words whatever the reason."""
        try:
            async with asyncio.timeout(self._call_timeout):
                _, writer = await self._connection.open_unix_connection(path)
        except TimeoutError:
            raise ConnectError(f"{self.name}: {path} did not answer within {self._call_timeout:g} s.") from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self.name}: sshd does not lead to {path}: {reason(error)}") from None
        writer.close()

    async def http_get(self, address: str, port: int, path: str, timeout: float, header: str | None = None) -> Answer:
        reader, writer = await self._open(address, port, timeout)
        headers = f"Host: {header or f'{address}:{port}'}\r\nUser-Agent: shipper\r\nConnection: close"
        received = b""
        try:
            writer.write(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
            with suppress(TimeoutError):  # the status may have come, though the server does not close
                async with asyncio.timeout(timeout):
                    while not is_whole(received) and (chunk := await reader.read(LONGEST_ANSWER)):
                        received += chunk
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(reason(error)) from None
        finally:
            writer.close()
        if not received:
            late = f"gave no answer within {timeout:g} s"
            raise ConnectError(f"port {port} accepts, but {'hung up' if reader.at_eof() else late}")
        return answer_of(received)

    async def _open(
        self, address: str, port: int, timeout: float
    ) -> "tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]":
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(timeout):
                return await self._connection.open_connection(address, port, encoding=None)
        except TimeoutError:
            raise ConnectError(f"port {port} did not answer within {timeout:g} s") from None
        except asyncssh.ChannelOpenError as error:
            if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
                raise ForwardingDisabled(f"{self.name}: sshd forbids forwarding to {address}:{port}") from None
            raise ConnectError(f"port {port}: {reason(error)}") from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"port {port}: {reason(error)}") from None
        finally:
            self._on_call(f"connect {address}:{port}", time.perf_counter() - begun)

    async def disk(self, folder: str) -> Disk | None:
        finished = await self.run('df -Pk "$1"', folder, doing="free disk")
        fields = finished.output.splitlines()[-1].split() if finished.output else []
        if finished.exit_code or len(fields) < 6 or not (fields[3] + fields[4].rstrip("%")).isdigit():
            return None
        return Disk(free=int(fields[3]) * 1024, used_percent=int(fields[4].rstrip("%")))

    async def samples(self, process_ids: Collection[int]) -> dict[int, Sample]:
        finished = await self.run(SAMPLE, *map(str, process_ids), doing="looking at what is used")
        return samples_of(finished.output)

    @asynccontextmanager
    async def serving(self, serve: Serve) -> AsyncIterator[int]:
        """With `GatewayPorts yes` sshd listens on all addresses: who is let in is for `serve` to say."""
        writers: set[asyncssh.SSHWriter[bytes]] = set()
        sessions = ExitStack()

        async def echo() -> Session:
            process = await self._opened("exec cat", encoding=None)
            sessions.callback(process.close)  # it ends with its input
            return Session(process)

        pace = Pace(echo, time.monotonic)

        async def handle(reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]") -> None:
            writers.add(writer)
            # what befalls one channel is told by its end; asyncssh would end the whole connection, and the lock with it
            with closing(writer), suppress(Exception):
                await serve(reader, _PacedWriter(writer, pace))
            writers.discard(writer)

        listener = await self._listener(handle)
        with sessions:
            try:
                yield listener.get_port()
            finally:
                listener.close()
                for writer in writers:
                    writer.close()  # Docker keeps connections that it may need again

    async def _listener(self, handle: "Callable[..., Awaitable[None]]") -> asyncssh.SSHListener:
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(self._call_timeout):
                return await self._connection.start_server(lambda *origin: handle, "127.0.0.1", 0, encoding=None)
        except asyncssh.ChannelListenError:
            if self._connection.is_closed():
                raise ConnectError(f"{self.name}: the connection broke.") from None
            raise ForwardingDisabled("sshd forbids ports that lead back here") from None
        except TimeoutError:
            raise ConnectError(f"{self.name}: no port was opened within {self._call_timeout:g} s.") from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self.name}: the connection broke: {reason(error)}") from None
        finally:
            self._on_call("listen 127.0.0.1", time.perf_counter() - begun)

    @asynccontextmanager
    async def unless_left(self, script: str, *arguments: str) -> AsyncIterator[None]:
        command = f"read -r left || {{ {script}; }}"  # sshd ends its input with the connection
        watch = await self.converse(shlex.join(("exec", "sh", "-c", command, "shipper-watch", *arguments)))
        try:
            yield
        finally:
            with suppress(ConnectError):
                watch.send("left")
                await watch.end()

    async def forward_socket(self, remote: str, folder: Path) -> Path:
        """A UNIX socket here that leads to one there, while the connection lasts."""
        local = folder / "docker.sock"
        try:
            await self._connection.forward_local_path(str(local), remote)
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self.name}: cannot make the socket {local}: {reason(error)}") from None
        return local


class _PacedWriter:
    """Leaves room in the connection for others."""

    def __init__(self, writer: "asyncssh.SSHWriter[bytes]", pace: Pace) -> None:
        self._writer = writer
        self._pace = pace
        self._written = 0

    def write(self, data: bytes) -> None:
        self._writer.write(data)
        self._written += len(data)

    async def drain(self) -> None:
        await self._writer.drain()
        written, self._written = self._written, 0
        await self._pace.wait(written)
