"""The workflows of this repository, carried out: only GitHub itself is a stand-in, and the project that is deployed.

That has a Makefile of its own, with the targets of ours: ours would run these tests again. `make image` runs for real
in test_image.py; what the other targets do is what people who change this repository type before they push.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.actions.jobs import Machine as Runner
from tests.fakes.actions.runner import GitHub, Run
from tests.images import ROOT
from tests.integration.conftest import Project
from tests.machines import Machine
from tests.registries import NAME, PASSWORD, USERNAME, serving_images

pytestmark = pytest.mark.builds

MAKEFILE = """\
test:
	! grep broken www/index.html
check sim image:
	sh -n app.sh
"""
CONFIG = """\
service: {service}
image: ${{DOCKER_USERNAME:+{registry}/}}{service}
registry: {{ username: "${{DOCKER_USERNAME:-}}", password: {{ env: DOCKER_PASSWORD }} }}
build: {{}}
roles:
  web:
    hosts: ["${{VPS_USER:-deploy}}@${{VPS_HOST}}"]
    gate: {{ http: {{ port: 8080, path: /up }}, deadline: 3s, interval: 50ms, settle: 50ms }}
    stop_timeout: 2s
ssh: {{ key_env: VPS_SSH_KEY }}
secrets: {{ BOT_TOKEN: , DATABASE_URL: {{ optional: true }} }}
"""
STAGING = 'roles: { web: { hosts: ["${VPS_USER:-deploy}@${STAGING_HOST}"] } }\n'
SECRETS = {"BOT_TOKEN": "1:production"}


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A project on GitHub."""

    project: Project
    github: GitHub

    def push(self, branch: str = "main") -> Run:
        self.project.git("push", "--quiet", "origin", f"HEAD:{branch}")
        (run,) = self.github.push(branch)
        return run

    def set_secrets(self, values: dict[str, str], *options: str) -> None:
        lines = "".join('{}="{}"\n'.format(name, value.replace("\n", "\\n")) for name, value in values.items())
        subprocess.run([self.github.gh, "secret", "set", "-f", "-", *options], input=lines, text=True, check=True)


@pytest.fixture(scope="module")
def registry(
    laptop: Machine, server: Machine, cramped: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("registry")
    with serving_images(laptop, folder), serving_images(server, folder), serving_images(cramped, folder):
        yield folder / "storage/docker/registry/v2/repositories"


@pytest.fixture
def pipeline(project: Project, cramped: Machine, tmp_path: Path) -> Pipeline:
    """One whose images go over SSH; `cramped` is staging."""
    cramped.accept(project.server)
    bare = tmp_path / "shop.git"
    project.git("init", "--quiet", "--bare", str(bare))
    project.git("remote", "add", "origin", str(bare))
    for repository in (project.folder, bare):  # each job clones 2 MB of busybox
        project.git("-C", str(repository), "config", "core.compression", "0")
    shutil.copytree(ROOT / ".github", project.folder / ".github")
    project.write("Makefile", MAKEFILE)
    project.write("config/deploy.yaml", CONFIG.format(service=project.service, registry=NAME))
    project.write("config/deploy.staging.yaml", STAGING)
    project.write("config/env.j2", "BOT_TOKEN={{ secrets.BOT_TOKEN }}\nDATABASE={{ secrets.DATABASE_URL }}\n")
    project.write("config/known_hosts", f"{project.server.host_key}\n{cramped.host_key}\n")
    project.commit("a pipeline")
    environ = {name: project.environ[name] for name in ("HOME", "TMPDIR", "DOCKER_HOST", "PYTHONWARNINGS")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    stand_ins = {"./.github/actions/shipper": shipper_is_there}
    made = Pipeline(project=project, github=GitHub(bare, tmp_path / "github", environ=environ, stand_ins=stand_ins))
    key = project.server.key.read_text()
    made.set_secrets(
        {**SECRETS, "VPS_HOST": project.server.address, "VPS_SSH_KEY": key, "STAGING_HOST": cramped.address}
    )
    return made


def shipper_is_there(_: Runner, given: object) -> dict[str, str]:
    assert not given
    return {}


@pytest.fixture
def by_registry(pipeline: Pipeline, registry: Path) -> Pipeline:
    pipeline.set_secrets({"DOCKER_USERNAME": USERNAME, "DOCKER_PASSWORD": PASSWORD})
    return pipeline


def results(run: Run) -> dict[str, str]:
    return {name: job.result for name, job in run.jobs.items() if not name.startswith("test / ")}


def test_a_push_is_deployed_and_by_hand_an_older_commit_and_the_release_before(
    by_registry: Pipeline, registry: Path
) -> None:
    project, github = by_registry.project, by_registry.github
    first = project.version("version 1")

    run = by_registry.push()

    assert run.result == "success", run.log
    assert [name for name in run.jobs if name.startswith("test / ")] == [
        "test / check", "test / test (3.11)", "test / test (3.12)", "test / test (3.13)", "test / sim", "test / image",
    ]  # fmt: skip
    assert project.answer() == "version 1"
    tag = registry / project.service / "_manifests/tags" / first / "current/link"
    digest = tag.read_text()
    assert run.jobs["deploy"].steps["push"]["outputs"]["digest"] == digest
    assert project.serving["Config"]["Labels"]["shipper.version"] == first
    assert digest in project.server.docker("inspect", project.serving["Image"]).stdout
    assert run.jobs["deploy"].environment == "production"
    assert f"[commit](https://github.com/octo/shop/commit/{first})" in run.jobs["deploy"].summary
    assert "BOT_TOKEN=1:production" in project.serving["Config"]["Env"]

    project.version("version 2")
    assert by_registry.push().result == "success"
    assert project.answer() == "version 2"

    older = github.dispatch("deploy.yml", "main", action="deploy", revision=first)
    assert results(older) == {"test": "skipped", "deploy": "success", "rollback": "skipped"}
    assert "::group::build" not in older.log
    assert tag.read_text() == digest
    assert project.answer() == "version 1"

    back = github.dispatch("deploy.yml", "main", action="rollback")
    assert results(back) == {"test": "skipped", "deploy": "skipped", "rollback": "success"}
    assert project.answer() == "version 2"
    assert SECRETS["BOT_TOKEN"] not in run.log + older.log + back.log


def test_a_red_test_deploys_nothing(pipeline: Pipeline) -> None:
    pipeline.project.version("broken")

    run = pipeline.push()

    assert run.jobs["test / test (3.12)"].result == "failure"
    assert results(run) == {"deploy": "skipped", "rollback": "skipped"}
    assert pipeline.project.containers() == []


def test_a_push_to_develop_goes_to_staging_without_a_registry_and_with_secrets_of_its_own(
    pipeline: Pipeline, cramped: Machine
) -> None:
    pipeline.set_secrets({"BOT_TOKEN": "2:staging"}, "--env", "staging")
    pipeline.project.version("version 1")

    run = pipeline.push("develop")

    assert results(run) == {"deploy": "success", "rollback": "skipped"}, run.log
    assert run.jobs["deploy"].environment == "staging"
    (serving,) = cramped.engine("GET", "/containers/json")
    assert serving["Labels"]["shipper.service"] == f"{pipeline.project.service}-staging"
    told = cramped.engine("GET", f"/containers/{serving['Id']}/json")["Config"]["Env"]
    assert "BOT_TOKEN=2:staging" in told
    assert pipeline.project.containers() == []  # production's server


ACTION_USED = """\
on: { push: { branches: [main] } }
permissions: {}
jobs:
  deploy:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
      - uses: ./.github/actions/shipper
      - run: "shipper version --help && command -v shipper && ! command -v apprise"
"""


def test_the_action_puts_shipper_on_the_path_and_nothing_of_what_it_needs(tmp_path: Path) -> None:
    """Downloads what pip has not kept: 30 packages."""
    folder, bare = tmp_path / "octo", tmp_path / "octo.git"
    for name in ("shipper", ".github/actions"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / ".github/workflows").mkdir()
    (folder / ".github/workflows/one.yml").write_text(ACTION_USED)
    author = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    for arguments in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        [*author, "commit", "--quiet", "--message=one"],
        ["clone", "--quiet", "--bare", ".", str(bare)],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    environ = {**os.environ, "PATH": os.environ["PATH"].replace(str(Path(sys.executable).parent), "/nowhere")}

    (run,) = GitHub(bare, tmp_path / "github", environ=environ).push("main")

    assert run.result == "success", run.log
    assert run.log.splitlines()[-1].endswith("/temp/shipper/path/shipper")
