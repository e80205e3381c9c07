"""What opsbot of `make demo-bots` deploys: a project with a few commits, and a server that has their images."""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import shipper
from tests.machines import Machine
from tests.repository import Repository

_DEPLOY = """\
service: sample
image: sample
build: {{}}
roles:
  web:
    hosts: [{server}]
    gate: {{ http: {{ port: 8080, path: /up }}, deadline: 10s, interval: 100ms, settle: {settle} }}
    stop_timeout: 2s
ssh: {{ user: deploy, key_env: SAMPLE_KEY }}
notify:
  team: {{ telegram: {{ chat: {chat}, token: {{ env: OPSBOT_TOKEN }}, api: "{api}", buttons: true }} }}
"""
_STAGING = "roles: { web: { gate: { settle: 1s } } }\n"
_CARRIES_CONFIG = "WORKDIR /app\nCOPY config config\n"
_CI = """\
#!/bin/sh
# shipper as a run of CI has it: from a checkout, with the secrets of CI
cd "{folder}" || exit
SAMPLE_KEY=$(cat "{key}")
export SAMPLE_KEY {variables}
exec "{python}" -m shipper "$@"
"""
_BREAK = """\
#!/bin/sh
# an accident: what serves in production is gone
export DOCKER_HOST={docker_host}
docker kill $(docker ps --quiet --filter label=shipper.service=sample)
"""


@dataclass(frozen=True, kw_only=True)
class Commit:
    subject: str
    env: str
    """What the template of the environment has, a variable a line."""
    settle: str = "4s"
    """How long the app is looked at before it serves: long enough for people to see that, and to abort it."""


COMMITS = {
    "v1": Commit(subject="v1", env="MODE=well\n", settle="100ms"),
    "v2": Commit(subject="v2: says who it greets", env="MODE=well\nGREETING=hello\n"),
    "v3": Commit(
        subject="v3: broken, it ends soon after its start", env="MODE=exits-late\nGREETING=hello\nQUEUE=mail\n"
    ),
    "v4": Commit(subject="v4: v3 put right", env="MODE=well\nGREETING=hello\nQUEUE=mail\n"),
}


@dataclass(frozen=True, kw_only=True)
class DemoProject:
    folder: Path
    server: Machine
    chat: int
    """Which group is told of deploys."""
    api: str
    token: str = field(repr=False)
    """Of the bot that tells it, and answers the buttons."""

    @property
    def checkout(self) -> Path:
        return self.folder / "sample"

    @property
    def carried(self) -> Path:
        """What opsbot has of the project in its container: the config, and no Git."""
        return self.folder / "opsbot"

    @property
    def ci(self) -> Path:
        """A command: shipper, as CI has it."""
        return self.folder / "ci"

    @property
    def accident(self) -> Path:
        """A command."""
        return self.folder / "break"

    def create(self) -> dict[str, str]:
        """With nothing deployed yet. The commits, by the names that they have in COMMITS."""
        repository = Repository(self.checkout, "sample", self.server.address)
        repository.create()
        with (self.checkout / "Dockerfile").open("a") as dockerfile:
            dockerfile.write(_CARRIES_CONFIG)
        repository.write("config/known_hosts", f"{self.server.host_key}\n")
        repository.write("config/deploy.staging.yaml", _STAGING)
        made = {}
        for days, (name, commit) in zip((4, 3, 2, 1), COMMITS.items(), strict=True):
            _is_now(datetime.now(UTC) - timedelta(days=days))
            made[name] = self._commit(repository, commit)
        shutil.copytree(self.checkout / "config", self.carried / "config")
        self._write_commands()
        return made

    async def ship(self, commits: Mapping[str, str]) -> None:
        """The server gets all images, and serves v1. Raises a group of ShipperError."""
        first, *later = commits.values()
        async with asyncio.TaskGroup() as group:
            await shipper.build(self._opened(first))  # its layers are those of the others
            for revision in later:
                group.create_task(shipper.build(self._opened(revision)))
            for destination in (None, "staging"):
                group.create_task(shipper.deploy(self._opened(first, destination)))

    def _commit(self, repository: Repository, commit: Commit) -> str:
        place = {"server": self.server.address, "chat": self.chat, "api": self.api}
        repository.write("config/deploy.yaml", _DEPLOY.format(settle=commit.settle, **place))
        repository.write("config/env.j2", commit.env)
        return repository.version(commit.subject)

    def _opened(self, revision: str, destination: str | None = None) -> shipper.Project:
        environ = {**os.environ, **self._variables, "SAMPLE_KEY": self.server.key.read_text()}
        return shipper.open_project(self.checkout, revision=revision, destination=destination, environ=environ)

    @property
    def _variables(self) -> dict[str, str]:
        """What CI knows: the server's own Docker builds, so that its images need not be brought there."""
        (home := self.folder / "home").mkdir(exist_ok=True)
        return {
            "DOCKER_HOST": self.server.docker_host,
            "OPSBOT_TOKEN": self.token,
            "GITLAB_USER_LOGIN": "erika",
            "CI_JOB_URL": "https://ci.example.org/jobs/7",
            "HOME": str(home),
            "TMPDIR": str(home),
        }

    def _write_commands(self) -> None:
        variables = " ".join(f"{name}='{value}'" for name, value in self._variables.items())
        ci = _CI.format(folder=self.checkout, key=self.server.key, variables=variables, python=sys.executable)
        for file, text in ((self.ci, ci), (self.accident, _BREAK.format(docker_host=self.server.docker_host))):
            file.write_text(text)
            file.chmod(0o700)


def _is_now(moment: datetime) -> None:
    """For Git: commits of the same second have no order."""
    os.environ |= dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), moment.isoformat())
