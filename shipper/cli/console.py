"""This side of a command that runs elsewhere: standard input and output, and the terminal if they are one."""

import asyncio
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from shipper import Terminal, UsageError

_CHUNK = 65536  # bytes


class StandardStreams:
    """Standard input, output and errors, which are files, pipes or a terminal.

    The event loop waits for them; they are left as they are (blocking), since others may share them.
    """

    def __init__(self, terminal: Terminal | None) -> None:
        self.terminal = terminal
        self._resized = asyncio.Event()

    async def read(self) -> bytes:
        await _until_ready(sys.stdin.fileno(), to_write=False)
        try:
            return os.read(sys.stdin.fileno(), _CHUNK)
        except OSError:  # the terminal is gone
            return b""

    async def write(self, data: bytes, *, to_errors: bool) -> None:
        number = (sys.stderr if to_errors else sys.stdout).fileno()
        try:
            for begin in range(0, len(data), select.PIPE_BUF):  # so much has room in what is ready
                await _until_ready(number, to_write=True)
                _write_all(number, data[begin : begin + select.PIPE_BUF])
        except BrokenPipeError:
            raise  # who reads has enough
        except OSError as error:
            raise UsageError(f"What the command prints cannot be written here: {error.strerror}.") from None

    async def resized(self) -> tuple[int, int]:
        """Columns and rows, at the start and each time that they change."""
        await self._resized.wait()
        self._resized.clear()
        size = os.get_terminal_size(sys.stdin.fileno())
        return size.columns, size.lines

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Each key goes to the command as it is typed, Ctrl-C too; in the end the terminal is as it was."""
        if not self.terminal:
            yield
            return
        loop, number = asyncio.get_running_loop(), sys.stdin.fileno()
        before = termios.tcgetattr(number)
        loop.add_signal_handler(signal.SIGWINCH, self._resized.set)
        self._resized.set()
        try:
            tty.setraw(number)
            yield
        finally:
            loop.remove_signal_handler(signal.SIGWINCH)
            with suppress(termios.error):  # it is gone
                termios.tcsetattr(number, termios.TCSANOW, before)


def _write_all(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]


async def _until_ready(number: int, *, to_write: bool) -> None:
    loop = asyncio.get_running_loop()
    add, remove = (loop.add_writer, loop.remove_writer) if to_write else (loop.add_reader, loop.remove_reader)
    ready = asyncio.Event()
    try:
        add(number, ready.set)
    except PermissionError:  # a file, which is always ready, and cannot be waited for
        return
    try:
        await ready.wait()
    finally:
        remove(number)


def own_terminal() -> Terminal | None:
    """That of standard input and output, if there is one."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    size = os.get_terminal_size(sys.stdin.fileno())
    return Terminal(kind=os.environ.get("TERM", "xterm"), columns=size.columns, rows=size.lines)
