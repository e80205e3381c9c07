"""Commands in containers: piped, and at a terminal, by the real CLI in a real pseudoterminal."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.conftest import Project
from tests.integration.killing import session_of
from tests.integration.waiting import eventually

SECRET = "green-as-grass"


def fresh(project: Project) -> list[dict[str, Any]]:
    """The containers that `--new` made, and that are there still."""
    return [made for made in project.containers(running=False) if made["Config"]["Labels"].get("shipper.run") == "exec"]


def processes(project: Project) -> list[str]:
    """What runs in the container that serves, beside the app."""
    (serving,) = [made for made in project.containers() if made["HostConfig"]["RestartPolicy"]["Name"] == "always"]
    listed = project.server.engine("GET", f"/containers/{serving['Id']}/top?ps_args=-o%20pid,args")
    commands = [command for _, command in listed["Processes"]]
    return [command for command in commands if "app.sh" not in command and "httpd" not in command]


class Shell:
    """The CLI at a terminal, as someone who types and reads has it."""

    def __init__(self, process: "subprocess.Popen[bytes]", terminal: int) -> None:
        self.process = process
        self._terminal = terminal
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)  # the kernel tells only those whose controlling terminal it is

    def wait_for(self, text: str, within: float = 20) -> None:
        deadline = time.monotonic() + within
        while text not in self.shown:
            assert time.monotonic() < deadline, f"{text!r} did not come within {within:g} s:\n{self.shown}"
            if select.select([self._terminal], [], [], 0.05)[0]:
                self.shown += os.read(self._terminal, 65536).decode()


@contextmanager
def at_terminal(project: Project, *arguments: str, killed: bool = False) -> Iterator[Shell]:
    """Fails if the terminal is left in another mode than it was; who is killed can do nothing about it."""
    ours, theirs = os.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
    before = termios.tcgetattr(theirs)
    environ = {**project.environ, "TERM": "vt220"}
    command = [sys.executable, "-m", "shipper", *arguments]
    with subprocess.Popen(command, cwd=project.folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs) as made:
        try:
            yield Shell(made, ours)
        finally:
            made.kill()
    left = termios.tcgetattr(theirs)
    os.close(ours)
    os.close(theirs)
    assert left == before or killed


def test_without_a_terminal_all_is_piped_and_the_exit_code_is_the_commands(project: Project) -> None:
    project.write("config/env.j2", "COLOUR={{ secrets.COLOUR }}\n")
    project.configure(
        f'volumes: ["{project.service}-data:/data"]\nfiles: {{/etc/colour: {{secret: COLOUR}}}}',
        secrets="{COLOUR: }",
    )
    project.commit()
    project.deploy(COLOUR=SECRET)
    serving = project.serving["Id"]

    apart = project.shipper("exec", "--", "/bin/sh", "-c", "echo out; echo err >&2; echo here >/data/file; exit 7")
    with project.start("exec", "/bin/sh", "-c", "wc -c", input=subprocess.PIPE) as process:
        counted, _ = process.communicate("0123456789" * 100_000)
    new = project.shipper("exec", "--new", "--", "/bin/sh", "-c", "cat /etc/colour /data/file; echo $COLOUR; exit 9")
    with project.start("exec", "--new", "/bin/sh", "-c", "cat; echo its end", input=subprocess.PIPE) as process:
        copied, _ = process.communicate("a line\n" * 20_000)

    assert (apart.exit_code, apart.output, apart.errors) == (7, "out\n", "err\n")
    assert (counted, process.returncode) == ("1000000\n", 0)
    assert (new.exit_code, new.output, new.errors) == (9, f"{SECRET}here\n{SECRET}\n", "")
    assert copied == "a line\n" * 20_000 + "its end\n"
    assert fresh(project) == []
    assert project.serving["Id"] == serving
    project.server.docker("volume", "rm", f"{project.service}-data")


def test_at_a_terminal_a_shell_has_its_size_and_gets_each_key(project: Project) -> None:
    project.deploy()
    with at_terminal(project, "exec") as shell:
        shell.wait_for("/ # ")
        shell.type("stty size; echo TERM is $TERM; echo it is ${PPID:+mine}\r")
        shell.wait_for("30 90\r\nTERM is vt220\r\nit is mine\r\n")
        shell.resize(columns=70, rows=20)
        shell.type("until [ \"$(stty size)\" = '20 70' ]; do :; done; echo resi''zed\r")
        shell.wait_for("resized\r\n")
        shell.type("sh -c \"trap 'echo interrup''ted; exit' INT; echo wai''ting; while :; do :; done\"\r")
        shell.wait_for("waiting\r\n")
        shell.type("\x03")
        shell.wait_for("interrupted\r\n/ # ")
        shell.type("exit 3\r")
        assert shell.process.wait(timeout=20) == 3


def test_a_command_ends_when_nobody_is_there_any_more(project: Project) -> None:
    project.deploy()
    for new, number, exit_code in (([], "HUP", 130), ([], "KILL", -9), (["--new"], "KILL", -9)):
        with at_terminal(project, "exec", *new, killed=number == "KILL") as shell:
            shell.wait_for("/ # ")
            assert (len(fresh(project)), processes(project)) == ((1, []) if new else (0, ["sh"]))
            shell.process.send_signal(signal.Signals[f"SIG{number}"])
            assert shell.process.wait(timeout=20) == exit_code
        eventually(lambda: fresh(project) + processes(project) == [], "the end of the shell")

    with project.start("exec", "/bin/sh", "-c", "while :; do echo y; done") as process:
        assert process.stdout
        assert process.stdout.readline() == "y\n"
        process.stdout.close()
        assert process.wait(timeout=20) == 141
    assert processes(project) == []


def test_what_cannot_be_run_is_told(project: Project) -> None:
    nothing = project.shipper("exec", "ls")
    assert nothing.exit_code == 18
    assert f"Nothing of web serves on {project.server.address}." in nothing.errors
    project.configure("init: false")  # which would start, and fail to execute it
    project.commit()
    project.deploy()

    absent = project.shipper("exec", "nope")
    folder = project.shipper("exec", "--new", "/www")
    release = project.shipper("exec", "--release", "7", "ls")
    new = project.shipper("exec", "--new", "--release", "7", "ls")
    no_command = project.shipper("exec")
    no_terminal = project.shipper("exec", "-t", "ls")

    assert (absent.exit_code, absent.output) in ((126, ""), (127, ""))
    assert f"nope cannot be executed in {project.serving['Name'][1:]}: " in absent.errors
    assert "next: Is it misspelt, or not in the image?" in absent.errors
    assert folder.exit_code in (126, 127), folder.errors
    assert "error: " in folder.errors
    assert (release.exit_code, new.exit_code) == (18, 18)
    assert "shipper exec --new --release 7 runs in a fresh container of it" in release.errors
    assert "There is no release 7 with web" in new.errors
    assert (no_command.exit_code, no_terminal.exit_code) == (2, 2)
    assert "without a terminal there must be a COMMAND" in no_command.errors
    assert fresh(project) == []


def test_a_session_ends_with_its_connection_its_container_or_its_client_and_with_no_deploy(
    project: Project, tmp_path: Path
) -> None:
    project.deploy()
    told, waiting = tmp_path / "told", ("/bin/sh", "-c", "echo begun; cat")
    with (
        told.open("w") as errors,
        project.start("exec", *waiting, input=subprocess.PIPE, errors=errors) as cut_off,
        project.start("exec", *waiting, input=subprocess.PIPE) as replaced,
        project.start("exec", "--new", *waiting, input=subprocess.PIPE) as beside,
    ):
        for process in (cut_off, replaced, beside):
            assert reply(process) == "begun\n"

        project.server.run(f"kill -9 {session_of(cut_off, project.server)}")
        assert cut_off.wait(timeout=10) == 10
        project.version("version 2")
        project.deploy()
        assert replaced.wait(timeout=10) == 137
        assert reply(beside, "said afterwards\n") == "said afterwards\n"
        assert len(fresh(project)) == 1

    assert re.match(rf"error: {re.escape(project.server.address)}: .*\nWhat was run may go on\.\n", told.read_text())
    eventually(lambda: fresh(project) == [], "the end of the container whose client was killed")


def reply(process: "subprocess.Popen[str]", line: str = "") -> str:
    assert process.stdin
    assert process.stdout
    process.stdin.write(line)
    process.stdin.flush()
    return process.stdout.readline()
