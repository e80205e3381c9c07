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
from typing import TYPE_CHECKING, Any

import pytest

from shipper import Project as OpenProject, open_project
from tests.images import machine_with_image
from tests.integration.forkserver import WARNINGS, ForkServer
from tests.integration.shelf import FILES, Shelf
from tests.machines import Machine, machine, prepare
from tests.repository import Repository

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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


@pytest.fixture(scope="module")
def cramped(_parts: None) -> Iterator[Machine]:
    """A server with room for the sample app, and for little more."""
    with machine("cramped", disk_size="24m") as made:
        made.run("install -d -m 2770 -g docker /var/lib/shipper")
        yield made


@pytest.fixture(scope="module")
def bots(_parts: None) -> Iterator[Machine]:
    """A server that has the image of this tree."""
    with machine_with_image() as made:
        yield made


@pytest.fixture(scope="session")
def fork_server(_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """Where most runs of the CLI begin."""
    made = ForkServer(tmp_path_factory.mktemp("runs"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def browser(_parts: None) -> Iterator["Browser"]:
    """For one module without coroutines: its loop counts as running for as long as it is there."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])  # as root
        yield made
        made.close()


@pytest.fixture(scope="session")
def shelf(laptop: Machine, server: Machine, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(laptop, server, tmp_path_factory.mktemp("shelf"))


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
class Project(Repository):
    """The repository, and a CLI to ship it."""

    server: Machine
    fork_server: ForkServer
    shelf: Shelf | None
    """None where each commit is built and shipped by its deploy."""
    environ: dict[str, str] = field(repr=False)

    def commit(self, message: str = "change") -> str:
        commit = super().commit(message)
        if self.shelf:
            self.shelf.give(f"{self.service}:{commit}", self.folder, self.git("ls-tree", "HEAD", *FILES))
        return commit

    def move(self, server: Machine) -> None:
        """Deploys go to another machine, whose host key is pinned."""
        self.server, self.host_name = server, server.address
        self.environ["SAMPLE_KEY"] = server.key.read_text()
        self.write("config/known_hosts", server.host_key + "\n")
        self.configure()

    def shipper(self, *arguments: str, **environ: str) -> Result:
        exit_code, output, errors = self.fork_server.run(arguments, {**self.environ, **environ}, self.folder)
        return Result(exit_code=exit_code, output=output, errors=errors)

    @contextmanager
    def start(
        self,
        *arguments: str,
        input: int = subprocess.DEVNULL,
        output: Any = subprocess.PIPE,
        errors: Any = subprocess.DEVNULL,
        **environ: str,
    ) -> Iterator["subprocess.Popen[str]"]:
        """The CLI as people start it, for tests of the process itself; its output is a pipe. Killed in the end."""
        with subprocess.Popen(
            [sys.executable, "-m", "shipper", *arguments],
            cwd=self.folder,
            env={**self.environ, **environ},
            stdin=input,
            stdout=output,
            stderr=errors,
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

    def say(self, role_name: str, *lines: str) -> None:
        """Makes the newest container of a role write lines."""
        of_role = [made for made in self.containers() if made["Config"]["Labels"]["shipper.role"] == role_name]
        shown = " ".join(f"'{line}'" for line in lines)
        command = f"printf '%s\\n' {shown} >/proc/1/fd/1"
        said = self.server.docker("exec", of_role[0]["Id"], "/bin/sh", "-c", command)
        assert said.returncode == 0, said.stderr

    def answer(self) -> str:
        """What users of the serving container get."""
        address = self.serving["NetworkSettings"]["Networks"][self.service]["IPAddress"]
        return self.server.run(f"busybox wget -q -O - http://{address}:8080/").stdout


@pytest.fixture
def project(
    request: pytest.FixtureRequest, tmp_path: Path, laptop: Machine, server: Machine, fork_server: ForkServer
) -> Iterator[Project]:
    shelf = None if request.node.get_closest_marker("builds") else request.getfixturevalue("shelf")
    with project_in(tmp_path, laptop, server, fork_server, shelf) as made:
        yield made


@contextmanager
def project_in(
    folder: Path, laptop: Machine, server: Machine, fork_server: ForkServer, shelf: Shelf | None
) -> Iterator[Project]:
    """One with a commit, whose service is gone from the server in the end."""
    service = f"sample{next(_numbers)}"
    home = folder / "home"
    home.mkdir()
    made = Project(
        folder=folder / service,
        service=service,
        host_name=server.address,
        server=server,
        fork_server=fork_server,
        shelf=shelf,
        environ={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(server.folder / "home"),  # goes with the machine, whatever a killed client leaves there
            "USER": "tester",
            "DOCKER_HOST": laptop.docker_host,
            "SAMPLE_KEY": server.key.read_text(),
            "PYTHONWARNINGS": WARNINGS,
        },
    )
    made.create()
    made.configure()
    made.write("config/known_hosts", server.host_key + "\n")
    made.version("version 1")
    yield made
    _remove(server, service)


def fingerprint(made: Machine) -> str:
    shown = subprocess.run(
        ["ssh-keygen", "-lf", made.folder / "host_key.pub"], capture_output=True, text=True, check=True
    )
    return shown.stdout.split()[1]


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
