"""Where there is no Git, config, template and files come from the image of the version that is meant."""

import json
from pathlib import Path

import pytest

from shipper import list_versions, open_project
from tests.integration.conftest import Project, Result

pytestmark = pytest.mark.builds

SECRETS = "{PASSWORD: }"


@pytest.fixture
def phone(project: Project, tmp_path: Path) -> Path:
    """A folder without Git, with the config of the first version."""
    dockerfile = (project.folder / "Dockerfile").read_text()
    project.write("Dockerfile", f"{dockerfile}WORKDIR /app\nCOPY config config\nCOPY extra extra\n")
    project.write("extra/motd", "one")
    project.write("config/env.j2", "COLOUR=green\n")
    project.configure()
    project.version("version 1")
    folder = tmp_path / "phone"
    (folder / "config").mkdir(parents=True)
    for name in ("deploy.yaml", "known_hosts"):
        (folder / "config" / name).write_text((project.folder / "config" / name).read_text())
    return folder


def from_phone(project: Project, phone: Path, *arguments: str) -> Result:
    exit_code, output, errors = project.fork_server.run(arguments, project.environ, phone)
    return Result(exit_code=exit_code, output=output, errors=errors)


def push(project: Project) -> str:
    pushed = project.shipper("push")
    assert pushed.exit_code == 0, pushed.everything
    return project.git("rev-parse", "HEAD")


def push_second(project: Project) -> str:
    project.write("extra/motd", "two")
    project.write("config/env.j2", "COLOUR=violet\nDSN=pg://{{ secrets.PASSWORD }}@db/{{ release.commit }}\n")
    project.configure("files: {/etc/motd: {source: extra/motd}}", secrets=SECRETS)
    project.version("version 2")
    return push(project)


async def test_a_version_is_deployed_with_what_its_image_carries(project: Project, phone: Path) -> None:
    project.deploy()
    first, second = project.git("rev-parse", "HEAD"), push_second(project)

    missing = from_phone(project, phone, "plan", "latest")
    project.environ["PASSWORD"] = "hush-hush"
    planned = from_phone(project, phone, "plan", "latest")
    deployed = from_phone(project, phone, "deploy", second[:6])

    assert missing.exit_code == 3, missing.everything
    day = project.git("log", "-1", "--format=%cs")
    between = f"    ~ from {first[:7]} ({day}, version 1) to {second[:7]} ({day}, version 2)"
    assert between in planned.output.splitlines(), planned.everything
    assert deployed.exit_code == 0, deployed.everything
    env = project.serving["Config"]["Env"]
    assert {"COLOUR=violet", f"DSN=pg://hush-hush@db/{second}"} <= {*env}
    assert project.server.docker("exec", project.serving["Id"], "/bin/sh", "-c", "cat /etc/motd").stdout == "two"
    assert project.answer() == "version 2"
    assert len(project.containers(running=False)) == 2

    newest, oldest = await list_versions(open_project(phone, environ=project.environ))
    assert (newest.version, newest.subject, newest.serving, newest.is_everywhere) == (second, "version 2", (2,), True)
    assert (oldest.version, oldest.serving) == (first, ())


def test_a_version_that_no_host_has_is_told_with_those_that_there_are(project: Project, phone: Path) -> None:
    commit = push(project)

    result = from_phone(project, phone, "deploy", "c0ffee", "--json")

    assert result.exit_code == 6, result.everything
    told = json.loads(result.output.splitlines()[-1])
    assert told["what"] == (
        f"No host has an image of {project.service} whose tag begins with c0ffee, and there is no registry to ask."
    )
    assert f"The newest on the hosts: {commit[:7]} (" in told["now"]
    assert told["next"] == "Bring it there: shipper push c0ffee, from a checkout or from CI."
