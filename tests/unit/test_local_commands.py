"""Commands on this machine: their output, their deadline, and what they leave behind."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shipper import open_project
from shipper.errors import HookError
from shipper.local_commands import LocalCommands
from tests.integration.waiting import eventually


@pytest.fixture
def commands(tmp_path: Path) -> LocalCommands:
    (tmp_path / "deploy.yaml").write_text("{service: shop, image: shop, roles: {web: {hosts: [a.example]}}}")
    environ = {"PATH": os.environ["PATH"], "OURS": "ours", "BOTH": "ours"}
    return LocalCommands(open_project(tmp_path, config_file="deploy.yaml", environ=environ))


async def run(commands: LocalCommands, script: str, deadline: float = 10.0, **environ: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    exit_code = await commands.run(("/bin/sh", "-c", script), environ, deadline, lines.append)
    return exit_code, lines


def is_running(pid_file: Path) -> bool:
    """A zombie that nobody has asked for does not count."""
    status = Path("/proc", pid_file.read_text().strip(), "status")
    return status.exists() and "State:\tZ" not in status.read_text()


async def test_a_command_runs_in_the_folder_of_the_project_with_our_environment_and_its_own_on_top(
    commands: LocalCommands,
) -> None:
    assert await run(commands, "ls; echo $OURS $BOTH; exit 3", BOTH="its own") == (3, ["deploy.yaml", "ours its own"])


async def test_a_last_line_without_an_end_is_told_too(commands: LocalCommands) -> None:
    assert await run(commands, "printf 'one\\ntwo'") == (0, ["one", "two"])


async def test_what_may_not_be_executed_says_so(commands: LocalCommands, tmp_path: Path) -> None:
    (tmp_path / "announce").write_text("#!/bin/sh\n")

    with pytest.raises(HookError, match=r"cannot be run \(Permission denied\)"):
        await commands.run(("./announce",), {}, 5, lambda line: None)


async def test_what_runs_over_its_deadline_ends_with_all_that_it_began(commands: LocalCommands, tmp_path: Path) -> None:
    with pytest.raises(HookError, match=r"had not ended after 0.5 s, and was killed"):
        await run(commands, "sleep 1000 & echo $! > pid; wait", deadline=0.5)

    await asyncio.to_thread(eventually, lambda: not is_running(tmp_path / "pid"), "what it began has ended")


async def test_what_is_left_in_the_background_with_its_output_open_counts_as_a_part_of_it(
    commands: LocalCommands, tmp_path: Path
) -> None:
    with pytest.raises(HookError, match="had not ended"):
        await run(commands, "sleep 1000 & echo $! > pid", deadline=0.5)

    await asyncio.to_thread(eventually, lambda: not is_running(tmp_path / "pid"), "what it began has ended")


async def test_output_without_a_line_end_takes_no_longer_than_other_output(commands: LocalCommands) -> None:
    exit_code, (line,) = await run(commands, "head -c 64000000 /dev/zero | tr '\\0' x", deadline=8.0)
    assert (exit_code, len(line)) == (0, 64_000_000)


def test_a_process_that_left_its_group_and_keeps_the_output_is_waited_for_no_longer_than_the_rest(
    tmp_path: Path,
) -> None:
    script = (
        "import asyncio, pathlib\n"
        "from shipper import local\n"
        "command = ['/bin/sh', '-c', 'setsid sleep 5 & echo begun']\n"
        "run = local.run(command, environ={}, folder=pathlib.Path(), deadline=0.3, own_group=True)\n"
        "try:\n    asyncio.run(run)\nexcept TimeoutError:\n    print('late')\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=4)

    assert (done.stdout, done.stderr) == ("late\n", "")
