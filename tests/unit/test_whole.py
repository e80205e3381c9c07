"""What a command sees of an input that may be cut off, in the shells that images have."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shipper.accessories.whole import given_whole

_BUSYBOX = "busybox"
_LONG = 5_000_000  # bytes, more than pipes hold


@pytest.fixture(params=["dash", "bash", _BUSYBOX])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An image's /bin/sh, in a folder with what else there is."""
    kind: str = request.param
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "tee", "wc", "cat", "sleep", "touch"):
        there = shutil.which(kind if kind == _BUSYBOX or name == "sh" else name)
        assert there
        (folder / name).symlink_to(there)
    return folder / "sh"


@contextmanager
def running(shell: Path, length: int, script: str) -> Iterator["subprocess.Popen[bytes]"]:
    """As Docker starts a command: in a session of its own."""
    _, *rest = given_whole(("sh", "-c", script), length)
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [shell, *rest],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        bufsize=0,
        start_new_session=True,
        env={"PATH": str(shell.parent)},
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def given(shell: Path, length: int, script: str, data: bytes) -> tuple[int, bytes, bytes]:
    with running(shell, length, script) as process:
        output, errors = process.communicate(data, timeout=20)
    return process.returncode, output, errors


@pytest.mark.parametrize("data", [b"", b"no line end", b"\n\nlines\n", bytes(range(256)) * 1000])
def test_a_whole_input_arrives_as_it_is_and_the_commands_exit_code_comes_back(shell: Path, data: bytes) -> None:
    assert given(shell, len(data), "cat; exit 3", data) == (3, data, b"")


@pytest.mark.parametrize("script", ["cat; echo END", "cat | cat; echo END"])
@pytest.mark.parametrize("length", [6, 4])
def test_of_an_input_of_another_length_nothing_sees_the_end(shell: Path, length: int, script: str) -> None:
    code, output, _ = given(shell, length, script, b"hello")

    assert code == -signal.SIGKILL
    assert b"END" not in output


def test_a_command_that_reads_only_the_beginning_ends_at_once_with_its_exit_code(shell: Path) -> None:
    with running(shell, _LONG, "exit 4") as process:
        assert process.wait(20) == 4  # though there is more to come
        assert process.stderr
        assert process.stderr.read() == b""


def test_a_command_that_is_not_there_is_told_by_the_shell(shell: Path) -> None:
    code, _, errors = given(shell, 5, "exec nonesuch", b"hello")

    assert code == 127
    assert b"nonesuch" in errors


@pytest.mark.parametrize("shell", ["dash", "bash"], indirect=True)  # a busybox has all of them in itself
def test_an_image_that_cannot_count_says_so_and_begins_nothing(shell: Path) -> None:
    (shell.parent / "tee").unlink()

    code, output, errors = given(shell, 5, "echo BEGUN", b"hello")

    assert (code, output) == (127, b"")
    assert errors == b"the image has no tee, which a restore needs beside sh\n"


@pytest.mark.parametrize("sent", [b"hel", b"hello"])
def test_a_hang_up_ends_it_without_an_end_of_input(shell: Path, sent: bytes) -> None:
    with running(shell, 5, "echo BEGUN; cat | { cat; echo END; }; sleep 60; echo LATE") as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.read(6) == b"BEGUN\n"
        process.stdin.write(sent)
        assert process.stdout.read(len(sent)) == sent
        if sent == b"hello":
            process.stdin.close()
            assert process.stdout.read(4) == b"END\n"

        os.killpg(process.pid, signal.SIGHUP)

        assert process.wait(20) != 0
        assert process.stdout.read() == b""
