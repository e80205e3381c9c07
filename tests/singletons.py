"""Processes of tests/app/singleton.py, and what their health endpoints say."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.integration.waiting import eventually

SINGLETON = Path(__file__).parent / "app/singleton.py"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("0.0.0.0", 0))
        port: int = found.getsockname()[1]
        return port


def health(port: int) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a health endpoint."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status, json.load(answer)
    except HTTPError as answer:
        with answer:
            return answer.code, json.load(answer)


@dataclass(frozen=True, kw_only=True)
class Singleton:
    process: subprocess.Popen[str]
    port: int

    def says(self, state: str) -> bool:
        try:
            status, said = health(self.port)
        except OSError:
            return False
        return (status, said["state"]) == (200, state)

    def becomes(self, state: str) -> None:
        eventually(lambda: self.says(state), f"{state} of {self.process.args!r}")

    def ends(self) -> tuple[int, str, str]:
        """Waits for its end: exit code, output, errors."""
        output, errors = self.process.communicate(timeout=10)
        return self.process.returncode, output, errors


@contextmanager
def singleton(lease: Path, updates_url: str, name: str, mode: str = "well") -> Iterator[Singleton]:
    """One process, which is killed at the end of the block if it still runs."""
    port = free_port()
    environ = {"SHIPPER_LEASE": str(lease), "SHIPPER_HEALTH_PORT": str(port), "UPDATES_URL": updates_url}
    process = subprocess.Popen(
        [sys.executable, SINGLETON],
        env=os.environ | environ | {"NAME": name, "MODE": mode},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Singleton(process=process, port=port)
        finally:
            process.kill()
