"""Clients that are killed at a moment of their deploy: SIGKILL, so that they can tidy nothing up."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from shipper.journal import entries
from tests.integration.conftest import Project
from tests.integration.waiting import eventually


def journal(project: Project) -> tuple[dict[str, Any], ...]:
    """What stands in the journal on the server; read as a file, it costs next to nothing."""
    file = project.server.root / "var/lib/shipper" / project.service / "journal"
    return entries(file.read_text())


def kill_deploy(project: Project, moment: Callable[[], bool], **environ: str) -> None:
    """Starts `shipper deploy`, and kills it as soon as `moment` has come."""
    with subprocess.Popen(
        [sys.executable, "-m", "shipper", "deploy"],
        cwd=project.folder,
        env={**project.environ, **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            eventually(moment, "the moment to kill the deploy", within=30, every=0.001)
        finally:
            process.kill()
