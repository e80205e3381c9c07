"""Programs on this machine: Docker's CLI, and the commands that print secrets."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


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
) -> Finished:
    """Runs a program to its end, and calls `on_line` for each line that it writes, as it comes.

    Raises TimeoutError after `deadline` seconds and FileNotFoundError; the program is killed if we are cancelled.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments,
        env=environ,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as reading:
            output = reading.create_task(_read(process.stdout, on_line))
            errors = reading.create_task(_read(process.stderr, on_line))
        await process.wait()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return Finished(exit_code=process.returncode or 0, output=output.result(), errors=errors.result())


async def _read(stream: asyncio.StreamReader, on_line: Callable[[str], None]) -> str:
    received, told = b"", 0
    while chunk := await stream.read(65536):
        received += chunk
        end = received.rfind(b"\n") + 1
        for line in received[told:end].decode(errors="replace").splitlines():
            on_line(line.rstrip())
        told = max(told, end)
    return received.decode(errors="replace")
