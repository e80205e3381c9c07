"""One run of the CLI: a process from its start to its end, with what passed over the link."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.link import Link, link
from tests.machines import Machine
from tests.registries import PASSWORD
from tests.repository import Repository

_CALL = re.compile(r" +([\d.]+) ms  ")  # as `-v` tells it


@dataclass(frozen=True, kw_only=True)
class Run:
    seconds: float
    bytes_sent: int
    """In both directions."""
    rounds_to_log_in: int
    rounds_after: int
    lines: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Client:
    """Ships the service of a repository over the link."""

    repository: Repository
    link: Link
    environ: Mapping[str, str] = field(repr=False)

    def run(self, rtt: float, *arguments: str) -> Run:
        """Must succeed. With `-v` among the arguments, the first call tells when we were logged in."""
        self.link.begin(rtt)
        begun = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "shipper", *arguments],
            cwd=self.repository.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            lines, logged_in = _heard(process)
        seconds = time.monotonic() - begun
        traffic = self.link.begin(rtt)
        if process.returncode:
            sys.exit(f"bench: {' '.join(arguments)} ended with exit code {process.returncode}:\n{''.join(lines)}")
        before = sum(ended <= logged_in for ended in traffic.rounds_ended)
        return Run(
            seconds=seconds,
            bytes_sent=traffic.bytes_up + traffic.bytes_down,
            rounds_to_log_in=before,
            rounds_after=len(traffic.rounds_ended) - before,
            lines=lines,
        )


def _heard(process: "subprocess.Popen[str]") -> tuple[list[str], float]:
    """All that it says, and when its first call began."""
    assert process.stdout
    lines: list[str] = []
    logged_in = 0.0
    for line in process.stdout:
        if not logged_in and (call := _CALL.match(line)):
            logged_in = time.monotonic() - float(call[1]) / 1000
        lines.append(line)
    return lines, logged_in


@contextmanager
def shipping(server: Machine, laptop: Machine) -> Iterator[Client]:
    """The sample app, built on the laptop, from there to the server."""
    server.run("install -d -m 2770 -g docker /var/lib/shipper")
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as folder, link(server.address, 22) as made:
        repository = Repository(Path(folder), "sample", f"127.0.0.1:{made.port}")
        repository.create()
        _, _, key = server.host_key.partition(" ")
        repository.write("config/known_hosts", f"[127.0.0.1]:{made.port} {key}\n")
        home = str(laptop.folder / "home")
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "TMPDIR": home,  # goes with the laptop
            "USER": "bench",
            "DOCKER_HOST": laptop.docker_host,
            "SAMPLE_KEY": server.key.read_text(),
            "REGISTRY_PASSWORD": PASSWORD,
        }
        yield Client(repository=repository, link=made, environ=environ)
