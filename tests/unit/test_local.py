"""Programs on this machine end with whoever began them."""

import asyncio
from pathlib import Path

import pytest

from shipper import local
from tests.integration.waiting import eventually


async def test_what_a_program_has_begun_is_ended_though_it_is_cancelled_while_it_starts(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    program = ["/bin/sh", "-c", f"sleep 1000 & echo $! > {file}; wait"]
    running = asyncio.get_running_loop().create_task(
        local.run(program, environ={"PATH": "/bin:/usr/bin"}, folder=tmp_path, deadline=60, own_group=True)
    )
    for _ in range(2):
        await asyncio.sleep(0)
    # the loop stands still here: the program runs, and nobody has been told of it
    eventually(lambda: file.exists() and file.read_text() != "", "the program")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    eventually(lambda: not Path("/proc", file.read_text().strip()).exists(), "the end of what it had begun")
