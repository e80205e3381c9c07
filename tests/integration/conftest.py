"""Real machines for the session, and a project of its own for each test."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shipper import Project as OpenProject, open_project
from tests.machines import Machine, machine, prepare

APP = Path(__file__).parents[1] / "app"
_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _parts() -> None:
    prepare(print)


@pytest.fixture(scope="session")
def laptop(_parts: None) -> Iterator[Machine]:
    """Where images are built."""
    with machine("laptop") as made:
        yield made


@pytest.fixture(scope="session")
def server(_parts: None) -> Iterator[Machine]:
    """Where containers go."""
    with machine("server") as made:
        made.run("install -d -m 2770 -g docker /var/lib/shipper")
        yield made


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run of the CLI gave."""

    exit_code: int
    output: str
    errors: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.splitlines()]

    @property
    def json(self) -> Any:
        return json.loads(self.output)

    @property
    def everything(self) -> str:
        return self.output + self.errors


@dataclass
class Project:
    """A Git repository with the sample app, and a CLI to ship it."""

    folder: Path
    service: str
    server: Machine
    environ: dict[str, str] = field(repr=False)

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def configure(self, role: str = "", **top: str) -> None:
        """Writes config/deploy.yaml: `role` is YAML for the role `web`, `top` for keys of the whole."""
        gate = "gate: {http: {port: 8080, path: /up}, deadline: 3s, interval: 50ms, settle: 50ms}"
        role = role if "gate:" in role else f"{gate}\n{role}"
        lines = [
            f"service: {self.service}",
            f"image: {self.service}",
            "build: {}",
            "ssh: {user: deploy, key_env: SAMPLE_KEY}",
            *(f"{key}: {value}" for key, value in top.items()),
            "roles:",
            "  web:",
            f"    hosts: [{self.server.address}]",
            *([] if "stop_timeout:" in role else ["    stop_timeout: 2s"]),
            *(f"    {line}" for line in role.splitlines()),
        ]
        self.write("config/deploy.yaml", "\n".join(lines) + "\n")

    def commit(self, message: str = "change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def version(self, text: str) -> str:
        """Commits a version of the app that says `text`; returns its SHA."""
        self.write("www/index.html", text)
        return self.commit(text)

    def shipper(self, *arguments: str, **environ: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "shipper", *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Result(exit_code=done.returncode, output=done.stdout, errors=done.stderr)

    def deploy(self, *arguments: str, **environ: str) -> Result:
        """Deploys, and must succeed."""
        result = self.shipper("deploy", *arguments, **environ)
        assert result.exit_code == 0, result.everything
        return result

    def opened(self, **environ: str) -> OpenProject:
        """For the library, which spares a test the start of the CLI."""
        return open_project(self.folder, environ={**self.environ, **environ})

    @property
    def state(self) -> Path:
        """What shipper keeps about the service on the server, seen from here."""
        return self.server.root / "var/lib/shipper" / self.service

    def containers(self, *, running: bool = True) -> list[dict[str, Any]]:
        """What Docker tells of the service's containers, the newest first."""
        only = [] if running else ["--all"]
        label = f"label=shipper.service={self.service}"
        ids = self.server.docker("ps", *only, "--quiet", "--no-trunc", "--filter", label).stdout.split()
        found: list[dict[str, Any]] = json.loads(self.server.docker("inspect", *ids).stdout) if ids else []
        return sorted(found, key=lambda container: str(container["Created"]), reverse=True)

    @property
    def serving(self) -> dict[str, Any]:
        (container,) = self.containers()
        return container

    def answer(self) -> str:
        """What users of the serving container get."""
        address = self.serving["NetworkSettings"]["Networks"][self.service]["IPAddress"]
        return self.server.run(f"busybox wget -q -O - http://{address}:8080/").stdout


@pytest.fixture
def project(tmp_path: Path, laptop: Machine, server: Machine) -> Iterator[Project]:
    service = f"sample{next(_numbers)}"
    folder = tmp_path / service
    shutil.copytree(APP, folder)
    shutil.copy(str(shutil.which("busybox")), folder)
    home = tmp_path / "home"
    home.mkdir()
    made = Project(
        folder=folder,
        service=service,
        server=server,
        environ={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(server.folder / "home"),  # goes with the machine, whatever a killed client leaves there
            "USER": "tester",
            "DOCKER_HOST": laptop.docker_host,
            "SAMPLE_KEY": server.key.read_text(),
            "PYTHONWARNINGS": "error",
        },
    )
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("config", "user.name", "Tester")
    made.git("config", "user.email", "tester@example.org")
    made.configure()
    made.write("config/known_hosts", server.host_key + "\n")
    made.version("version 1")
    yield made
    _remove(server, service)


def _remove(server: Machine, service: str) -> None:
    if not (server.root / "var/lib/shipper" / service).exists():
        return  # nothing was deployed
    containers = server.docker("ps", "--all", "--quiet", "--filter", f"label=shipper.service={service}").stdout.split()
    if containers:
        server.docker("rm", "--force", *containers)
    server.docker("network", "rm", service)
    server.run(f"rm -rf /var/lib/shipper/{service}")
