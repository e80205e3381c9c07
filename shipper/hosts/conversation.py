"""Commands on a server that are spoken with while they run: in lines of text, or in bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncssh

from shipper.errors import ConnectError
from shipper.hosts.login import reason

LONGEST_END = 10.0  # seconds
CHUNK = 65536  # bytes of a session that are read at a time


class Conversation:
    """A command on a server that answers each line with a line."""

    def __init__(self, host_name: str, process: "asyncssh.SSHClientProcess[str]") -> None:
        self._host_name = host_name
        self._process = process
        self._unread = ["", ""]
        """Of its output and of its errors: what came after that which was asked for."""
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

    async def lines(self) -> AsyncIterator[str]:
        """Those of its output, each as it comes, to the end."""
        try:
            async for line in self._process.stdout:
                yield line.rstrip("\n")
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self._host_name}: the connection broke: {reason(error)}") from None

    async def until(self, mark: str, within: float, *, of_errors: bool = False) -> str:
        """What comes before this mark."""
        stream = self._process.stderr if of_errors else self._process.stdout
        received = self._unread[of_errors]
        try:
            async with asyncio.timeout(within):
                while mark not in received[-CHUNK - len(mark) :]:
                    if not (chunk := await stream.read(CHUNK)):
                        raise ConnectError(f"{self._host_name}: the connection broke.")
                    received += chunk
        except TimeoutError:
            raise ConnectError(f"{self._host_name}: a command did not end within {within:g} s.") from None
        except (asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self._host_name}: the connection broke: {reason(error)}") from None
        before, _, self._unread[of_errors] = received.partition(mark)
        return before

    def close(self) -> None:
        """Ends it, whatever it is at."""
        self._process.close()

    async def end(self) -> int:
        """Waits for the command to end; returns its exit code."""
        try:
            async with asyncio.timeout(LONGEST_END):
                finished = await self._process.wait()
        except (TimeoutError, asyncssh.Error, OSError) as error:
            raise ConnectError(f"{self._host_name}: a command did not end: {type(error).__name__}") from None
        self.errors = str(finished.stderr or "").strip()
        return -1 if finished.returncode is None else finished.returncode


class Session:
    """A command on a server whose input and output are bytes."""

    def __init__(self, process: "asyncssh.SSHClientProcess[bytes]") -> None:
        self._process = process

    async def read(self) -> bytes:
        """What comes next; nothing at the end, and where the connection broke."""
        with suppress(asyncssh.Error, OSError):
            return await self._process.stdout.read(CHUNK)
        return b""

    async def write(self, chunk: bytes) -> None:
        """Waits until there is room for more. What cannot be written is dropped: `read` tells the end."""
        with suppress(asyncssh.Error, OSError):
            self._process.stdin.write(chunk)
            await self._process.stdin.drain()

    def write_eof(self) -> None:
        with suppress(asyncssh.Error, OSError):
            self._process.stdin.write_eof()
