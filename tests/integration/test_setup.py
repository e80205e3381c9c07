"""`shipper setup` against a bare Debian: from nothing to a deploy, interrupted in between."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bare import BareMachine, bare_machine
from tests.images import ROOT
from tests.integration.conftest import Project, Result, fingerprint
from tests.integration.waiting import eventually

_CONFIG = """
service: {project.service}
image: {project.service}
build: {{}}
ssh: {{key: config/deploy_key, key_env: VPS_SSH_KEY}}
secrets: {{BOT_TOKEN: , TOKEN: {{generate: true}}}}
roles:
  web:
    hosts: ["deploy@${{VPS_HOST}}"]
    volumes: ["/srv/sample:/data"]
    gate: {{http: {{port: 8080, path: /up}}, deadline: 5s, interval: 50ms, settle: 50ms}}
"""
_DATABASE = "accessories: { db: { image: postgres:17, env: { PASSWORD: { secret: TOKEN } } } }\n"
_ROTATION = re.search(r"```\n(mv config/deploy_key .*?)```", (ROOT / "docs/security.md").read_text(), re.DOTALL)
_ALPINE = 'ID=alpine\nPRETTY_NAME="Alpine Linux v3.20"\n'


@pytest.fixture
def bare(_parts: None) -> Iterator[BareMachine]:
    with bare_machine() as made:
        yield made


@pytest.fixture
def fresh(project: Project, bare: BareMachine) -> Project:
    """Nothing of it is on a server yet, whose root knows the key of its user."""
    project.server, project.host_name = bare, bare.address
    key = Path(project.environ["HOME"], ".ssh/id_ed25519")
    key.parent.mkdir()
    shutil.copy(bare.key, key)
    (project.folder / "config/known_hosts").unlink()
    project.write("config/deploy.yaml", _CONFIG.format(project=project))
    project.write(".gitignore", "config/deploy_key*\nconfig/secrets*.env\n")
    project.commit()
    return project


def let_in(bare: BareMachine, user: str, sudo: str) -> None:
    """A user with the key of root, who may use sudo so."""
    bare.run(
        f"useradd --create-home {user} && cp -r /root/.ssh /home/{user} && chown -R {user} /home/{user}/.ssh\n"
        f"echo '{user} ALL=(ALL) {sudo}' >/etc/sudoers.d/{user}"
    )


def setup(project: Project, user: str, *arguments: str) -> Result:
    return project.shipper("setup", f"{user}@{project.host_name}", *arguments)


def verbs(result: Result) -> list[str]:
    """Of what it would do on the server."""
    assert result.exit_code == 0, result.everything
    return [step["name"] for host in result.json["hosts"] for step in host["steps"]]


def types(project: Project, folder: Path, line: str) -> int:
    """Of what a page says, with this server; gh only reads, and root's key is of use to root only."""
    folder.mkdir(exist_ok=True)
    known = f"UserKnownHostsFile {project.folder}/config/known_hosts\nBatchMode yes\n"
    own = f"Match user root\n  IdentityFile {project.environ['HOME']}/.ssh/id_ed25519\n"
    (folder / "ssh_config").write_text(known + own)
    for name, command in (
        ("ssh", f'/usr/bin/ssh -F {folder}/ssh_config "$@"'),
        ("gh", "cat"),
        ("shipper", f'{sys.executable} -m shipper "$@"'),
    ):
        (folder / name).write_text(f"#!/bin/sh\nexec {command}\n")
        (folder / name).chmod(0o755)
    environ = {**project.environ, "PATH": f"{folder}:{project.environ['PATH']}", "BOT_TOKEN": "1:token"}
    typed = line.replace("203.0.113.7", project.host_name).replace("shipper setup", "shipper setup --yes")
    shell = ["bash", "-o", "pipefail", "-c", typed]
    return subprocess.run(shell, cwd=project.folder, env=environ, stdin=subprocess.DEVNULL, check=False).returncode


def state_of(bare: BareMachine) -> str:
    return bare.run("ls -lR --time-style=full-iso /etc /root/.ssh /srv; ls /tmp /var/lib /home").stdout


def test_a_bare_server_is_ready_after_one_command_though_it_was_killed_once(
    fresh: Project, bare: BareMachine, tmp_path: Path
) -> None:
    let_in(bare, "admin", "NOPASSWD: ALL")
    known = ("--fingerprint", fingerprint(bare))
    before = state_of(bare)

    planned = setup(fresh, "admin", *known, "--plan", "--json")

    assert verbs(planned) == ["install", "start", "user", "group", "key", "folder", "folder", "folder", "check"]
    assert [step["name"] for step in planned.json["here"]] == ["deploy key", "address", "password"]
    assert state_of(bare) == before
    assert not {path.name for path in (fresh.folder / "config").iterdir()} & {"deploy_key", "known_hosts"}

    with fresh.start("setup", f"admin@{fresh.host_name}", *known, "--yes") as killed:
        eventually(lambda: bare.run("ls /var/lib/dpkg/info/runc.list").returncode == 0, "apt at work", within=60)
        killed.kill()
    done = setup(fresh, "admin", "--yes")

    assert done.exit_code == 0, done.everything
    assert f"deploy@{fresh.host_name}: ready." in done.output
    written = (fresh.folder / "config/secrets.env").read_text()
    assert f"VPS_HOST={bare.address}\n" in written
    token = written.partition("TOKEN=")[2].strip()
    assert len(token) == 32
    assert token not in done.everything
    assert "all at once:  shipper secrets | gh secret set -f -\n" in done.output
    assert "one by one:   gh secret set VPS_HOST\n" in done.output
    assert "gh secret set VPS_SSH_KEY <config/deploy_key\n" in done.output
    assert "no value yet, put them into config/secrets.env: BOT_TOKEN\n" in done.output
    for name in ("deploy_key", "secrets.env"):
        assert (fresh.folder / "config" / name).stat().st_mode & 0o777 == 0o600
    fresh.commit()
    fresh.deploy(BOT_TOKEN="1:token")
    assert [mount["Source"] for mount in fresh.serving["Mounts"]] == ["/srv/sample"]

    again = setup(fresh, "root", "--yes")
    assert setup(fresh, "root", "--yes", "--fingerprint", f"SHA256:{'A' * 43}").exit_code == 12

    assert again.exit_code == 0, again.everything
    assert "Nothing to do.\n" in again.output
    (fresh.folder / "config/secrets.env").unlink()
    elsewhere = setup(fresh, "root", "--plan")
    assert "  note       no TOKEN is made up: a release on " in elsewhere.output
    assert "password" not in elsewhere.output
    labels = f"--label shipper.service={fresh.service} --label shipper.accessory=db"
    bare.run(f"docker create {labels} {fresh.serving['Image']}")
    fresh.write("config/deploy.yaml", _CONFIG.format(project=fresh) + _DATABASE)
    beside = setup(fresh, "root", "--plan")
    assert "was made with one, which `shipper accessory exec db -- printenv PASSWORD` shows" in beside.output
    fresh.write("config/deploy.yaml", _CONFIG.format(project=fresh))
    (fresh.folder / "config/secrets.env").write_text(written)
    assert _ROTATION
    typed = [types(fresh, tmp_path / "bin", line) for line in _ROTATION[1].splitlines()]
    assert typed == [0, 0, 0, 0, 0, 255, 0]  # the old key is refused, and the deploy before it was not
    bare.run("usermod --expiredate 1 deploy")
    kept_out = setup(fresh, "root", "--yes")
    assert kept_out.exit_code != 0, kept_out.everything
    assert "ready" not in kept_out.output


def test_what_cannot_be_set_up_is_refused_with_what_to_do(fresh: Project, bare: BareMachine) -> None:
    let_in(bare, "ann", "ALL")

    asked = setup(fresh, "ann", "--yes")
    bare.run(f"rm /etc/os-release && printf '%s' '{_ALPINE}' >/etc/os-release")
    alpine = setup(fresh, "root", "--yes")
    bare.run("rm /root/.ssh/authorized_keys")
    stranger = setup(fresh, "root", "--yes")

    assert (asked.exit_code, alpine.exit_code, stranger.exit_code) == (15, 15, 11)
    assert "ann is not root, and sudo asks for a password" in asked.errors
    assert "it is Alpine Linux v3.20, and Docker is installed on Debian and Ubuntu only." in alpine.errors
    assert "https://docs.docker.com/engine/install/" in alpine.errors
    assert f"ssh-copy-id root@{bare.address}" in stranger.errors
    assert not (fresh.folder / "config/deploy_key").exists()
    assert bare.run("id deploy || ls /var/lib/shipper").returncode != 0
