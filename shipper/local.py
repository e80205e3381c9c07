"""Programs on this machine: Docker's CLI, hooks, and the commands that print secrets."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shipper.tasks import finish

_GRACE = 2.0  # seconds from SIGTERM to SIGKILL, for what has a group of its own


@dataclass(frozen=True, kw_only=True)
class Finished:
    exit_code: int
    output: str
    """What it wrote to standard output."""
    errors: str
    """What it wrote to standard error."""


async def run(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    folder: Path,
    deadline: float,
    on_line: Callable[[str], None] = lambda line: None,
    own_group: bool = False,
) -> Finished:
    """Runs a program to its end, and calls `on_line` for each line that it writes, as it comes.

    Raises TimeoutError after `deadline` seconds and FileNotFoundError; the program is killed if we are cancelled. With
    `own_group` it has no terminal, a Ctrl-C there does not reach it, and what it has begun itself is ended with it.
    """
    task = asyncio.current_task()
    assert task
    cancellations = task.cancelling()
    # who is cancelled in it has no process to end, though it runs by then, and may have begun others
    process = await finish(
        asyncio.create_subprocess_exec(
            *arguments,
            env=environ,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=own_group,
        )
    )
    assert process.stdout
    assert process.stderr
    try:
        if task.cancelling() > cancellations:
            raise asyncio.CancelledError
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as reading:
            output = reading.create_task(_read(process.stdout, on_line))
            errors = reading.create_task(_read(process.stderr, on_line))
        await process.wait()
    except BaseException:
        await (_end_group if own_group else _end)(process)
        # what left its group may hold the pipes open, and asyncio would complain of them when the loop is closed
        process._transport.close()  # type: ignore[attr-defined]  # there is no other way
        raise
    return Finished(exit_code=process.returncode or 0, output=output.result(), errors=errors.result())


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """Also when the program itself has ended, and left something behind that holds its output open."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await process.wait()
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _read(stream: asyncio.StreamReader, on_line: Callable[[str], None]) -> str:
    received, told = bytearray(), 0
    while chunk := await stream.read(65536):
        end = len(received) + chunk.rfind(b"\n") + 1 if b"\n" in chunk else told
        received += chunk
        for line in received[told:end].decode(errors="replace").splitlines():
            on_line(line.rstrip())
        told = end
    for line in received[told:].decode(errors="replace").splitlines():  # the last one may have no end
        on_line(line.rstrip())
    return received.decode(errors="replace")
