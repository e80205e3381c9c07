"""Clients that are killed at a moment of their deploy: SIGKILL, so that they can tidy nothing up."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from shipper import cli
from shipper.hosts.journal import entries
from tests.forking import FORKING
from tests.integration.conftest import Project
from tests.integration.waiting import eventually
from tests.machines import Machine


def journal(project: Project) -> tuple[dict[str, Any], ...]:
    """What stands in the journal on the server; read as a file, it costs next to nothing."""
    file = project.state / "journal"
    return entries(file.read_text()) if file.exists() else ()


def kill_deploy(project: Project, moment: Callable[[], bool], **environ: str) -> None:
    """Begins `shipper deploy`, and kills it as soon as `moment` has come."""
    process = FORKING.Process(target=_deploy, args=(project.folder, {**project.environ, **environ}))
    process.start()
    try:
        eventually(moment, "the moment to kill the deploy", within=30, every=0.001)
    finally:
        process.kill()
        process.join()


def _deploy(folder: Path, environ: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None  # what was imported has asked for it in another environment
    sys.argv = ["shipper", "deploy"]
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        cli.main()


def kill_deploy_at(project: Project, line: int, **environ: str) -> None:
    """Kills it when it has written that many lines into the journal."""
    file = project.state / "journal"
    before = file.read_bytes().count(b"\n")
    kill_deploy(project, lambda: file.read_bytes().count(b"\n") >= before + line, **environ)


def session_of(process: "subprocess.Popen[Any]", server: Machine) -> str:
    """The processes of sshd on the server that serve a client's connection, which is known by its port."""
    ports = subprocess.run(["ss", "-tnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    (ours,) = [line.split()[3] for line in ports if f"pid={process.pid}," in line]
    return session_from(ours.rpartition(":")[2], server)


def session_from(port: str, server: Machine) -> str:
    """As `session_of`, of the client that has this port."""
    listed = server.run("ss -tnpH state established").stdout.splitlines()
    (theirs,) = [line for line in listed if f":{port} " in line]
    return " ".join(re.findall(r"pid=(\d+)", theirs))
