"""Real machines for the session, and a project of its own for each test."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shipper import Project as OpenProject, open_project
from tests.integration.forkserver import ForkServer
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


@pytest.fixture(scope="session")
def fork_server(_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """Where most runs of the CLI begin."""
    made = ForkServer(tmp_path_factory.mktemp("runs"))
    yield made
    made.stop()


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
    fork_server: ForkServer
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
        self.git("-c", "core.compression=0", "add", "--all")  # 2 MB of busybox
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
        exit_code, output, errors = self.fork_server.run(arguments, {**self.environ, **environ}, self.folder)
        return Result(exit_code=exit_code, output=output, errors=errors)

    @contextmanager
    def start(self, *arguments: str, **environ: str) -> Iterator["subprocess.Popen[str]"]:
        """The CLI as people start it, for tests of the process itself; its output is a pipe. Killed in the end."""
        with subprocess.Popen(
            [sys.executable, "-m", "shipper", *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

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
        ids = container_ids(self.server, self.service, running=running)
        found = [self.server.engine("GET", f"/containers/{container_id}/json") for container_id in ids]
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
def project(tmp_path: Path, laptop: Machine, server: Machine, fork_server: ForkServer) -> Iterator[Project]:
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
        fork_server=fork_server,
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


def without_docker(folder: Path) -> str:
    """A PATH with what shipper needs of this machine where it builds nothing."""
    folder.mkdir()
    for name in ("git", "tar", "env", "sh"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return str(folder)


def _remove(server: Machine, service: str) -> None:
    if not (server.root / "var/lib/shipper" / service).exists():
        return  # nothing was deployed
    for container_id in container_ids(server, service, running=False):
        server.engine("DELETE", f"/containers/{container_id}?force=true")
    server.engine("DELETE", f"/networks/{service}")
    server.run(f"rm -rf /var/lib/shipper/{service}")


def container_ids(server: Machine, service: str, *, running: bool) -> list[str]:
    if not server.has_docker:
        return []
    filters = urllib.parse.quote(json.dumps({"label": [f"shipper.service={service}"]}))
    listed = server.engine("GET", f"/containers/json?all={not running}&filters={filters}")
    return [container["Id"] for container in listed]
