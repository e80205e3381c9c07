"""Secrets reach the container, and nothing else."""

import base64
import json
import subprocess
import sys
import threading
import urllib.parse
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.conftest import Project

SECRET = "p4ss/w+rd=é with space"
FORMS = [
    SECRET,
    urllib.parse.quote(SECRET, safe=""),
    urllib.parse.quote_plus(SECRET),
    base64.b64encode(SECRET.encode()).decode(),
    json.dumps(SECRET)[1:-1],
]


TALKERS = {
    "release": "{commands: ['echo the migration knows $PASSWORD; exit 1']}",
    "hooks": "{pre-deploy: {command: 'echo the hook knows $PASSWORD'}}",
}


def with_secret(project: Project, role: str = "", **added: str) -> None:
    project.write(
        "config/env.j2", "PASSWORD={{ secrets.PASSWORD }}\nURL=http://u:{{ secrets.PASSWORD | urlencode }}@x/\n"
    )
    project.configure(role, secrets="{PASSWORD: }", **added)
    project.commit()


def leaks(text: str) -> list[str]:
    return [form for form in FORMS if form in text]


@pytest.mark.builds
def test_secrets_are_in_no_output_label_or_history(project: Project, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    with_secret(project)

    verbose = project.deploy("-v", PASSWORD=SECRET)
    project.version("version 2")
    lines = project.deploy("-v", "--json", PASSWORD=SECRET)

    container = project.serving
    assert f"PASSWORD={SECRET}" in container["Config"]["Env"]
    assert f"URL=http://u:{urllib.parse.quote(SECRET)}@x/" in container["Config"]["Env"]
    assert leaks(verbose.everything) == []
    assert leaks(lines.everything) == []
    assert leaks(json.dumps(container["Config"]["Labels"], ensure_ascii=False)) == []
    assert leaks(project.server.docker("history", "--no-trunc", container["Config"]["Image"]).stdout) == []
    with_secret(project, "env: {MODE: talks, GIVEN: 'x-${PASSWORD}'}", **TALKERS)
    for command in ("config", "config --json", "plan --json", "env -v", "plan -v", "status --json", "releases"):
        assert leaks(project.shipper(*command.split(), PASSWORD=SECRET).everything) == []
    talking = project.shipper("deploy", "-v", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary), PASSWORD=SECRET)
    assert talking.exit_code == 19, talking.everything
    assert "the migration knows •••" in talking.output
    assert "the hook knows •••" in talking.output
    assert leaks(talking.everything + summary.read_text()) == []
    assert leaks((project.state / "journal").read_text()) == []
    for command in ("doctor -v", "logs --release 3", "history --json", "exec -v nothing-there"):
        assert leaks(project.shipper(*command.split(), PASSWORD=SECRET).everything) == []


def test_secrets_are_masked_in_the_last_lines_of_a_container_that_prints_them(project: Project) -> None:
    gate = "gate: {command: [sh, -c, 'echo refused $PASSWORD $URL; exit 1'], deadline: 1s, interval: 50ms}"
    with_secret(project, f"{gate}\nenv: {{MODE: talks}}")

    result = project.shipper("deploy", PASSWORD=SECRET)

    assert result.exit_code == 20
    assert "PASSWORD=•••" in result.output
    assert "refused ••• http://u:•••@x/" in result.output
    assert leaks(result.everything) == []


def test_logs_mask_the_secrets_of_the_release_that_serves(project: Project) -> None:
    with_secret(project, "env: {MODE: talks}")
    project.deploy(PASSWORD=SECRET)

    result = project.shipper("logs")

    assert "PASSWORD=•••" in result.output
    assert leaks(result.everything) == []


@pytest.mark.builds
def test_secrets_are_in_no_command_line_on_either_side(project: Project) -> None:
    with_secret(project)
    seen: set[bytes] = set()
    done = threading.Event()

    def watch() -> None:
        """All processes of this machine, those in the server's namespace among them."""
        while not done.is_set():
            for folder in Path("/proc").iterdir():  # a glob fails at what ends while it looks
                with suppress(OSError):
                    seen.add((folder / "cmdline").read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with project.start("deploy", PASSWORD=SECRET) as process:
            process.communicate()
    finally:
        done.set()
        watcher.join()

    assert process.returncode == 0
    lines = b"\n".join(seen).decode(errors="replace")
    assert "shipper-lock" in lines  # the commands on the server were seen
    assert leaks(lines) == []


def test_a_secret_with_a_line_break_is_refused_in_env(project: Project) -> None:
    with_secret(project)
    value = f"{SECRET}\nADMIN=1"

    result = project.shipper("deploy", PASSWORD=value)

    assert result.exit_code == 3
    assert "config/env.j2:1: a value has a line break" in result.errors
    assert "files:" in result.errors
    assert leaks(result.everything) == []
    assert project.containers(running=False) == []


def test_a_secret_of_several_lines_goes_in_as_a_file(project: Project) -> None:
    key = "-----BEGIN KEY-----\nabcdefghijklmnop\n-----END KEY-----\n"
    project.configure("files: {/etc/app/tls.key: {secret: TLS_KEY, mode: '0400'}}", secrets="{TLS_KEY: }")
    project.commit()

    result = project.deploy("-v", TLS_KEY=key)

    name = project.serving["Name"]
    shown = project.server.docker("exec", name, "/bin/sh", "-c", "cat /etc/app/tls.key; stat -c %a /etc/app/tls.key")
    assert shown.stdout == f"{key}400\n"
    assert "abcdefghijklmnop" not in result.everything


def test_a_file_of_the_repository_goes_in_as_the_commit_has_it(project: Project) -> None:
    project.write("config/app.toml", "colour = 'green'\n")
    project.configure("files: {/etc/app.toml: {source: config/app.toml}}")
    project.commit()

    project.deploy()

    name = project.serving["Name"]
    assert project.server.docker("exec", name, "/bin/sh", "-c", "cat /etc/app.toml").stdout == "colour = 'green'\n"


def test_records_on_the_server_are_for_those_who_may_use_docker_only(project: Project) -> None:
    with_secret(project)
    project.deploy(PASSWORD=SECRET)

    folder = f"/var/lib/shipper/{project.service}/releases/1"
    shown = project.server.run(f"stat -c '%a %G' /var/lib/shipper {folder} {folder}/env {folder}/record").stdout
    assert shown.splitlines() == ["2770 docker", "2770 docker", "660 docker", "660 docker"]


def test_a_secrets_file_that_git_tracks_is_refused(project: Project) -> None:
    project.write("config/secrets.env", "PASSWORD=hush-hush\n")
    with_secret(project)

    result = project.shipper("deploy")

    assert result.exit_code == 3
    assert "config/secrets.env is tracked by Git" in result.errors
    assert "git rm --cached" in result.errors


def test_an_exception_of_the_library_holds_no_secret(project: Project) -> None:
    with_secret(project, "command: [nothing-there]\ninit: false")
    script = (
        "import asyncio, os, shipper, traceback\n"
        "project = shipper.open_project(environ=os.environ)\n"
        "outcome = asyncio.run(shipper.deploy(project))\n"
        "print(repr(project), repr(outcome))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project.folder,
        env={**project.environ, "PASSWORD": SECRET},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "Failed(step='start web on" in done.stdout, done.stderr
    assert leaks(done.stdout + done.stderr) == []


def test_a_secrets_file_that_git_would_add_is_refused(project: Project) -> None:
    with_secret(project)
    project.write("config/secrets.env", "PASSWORD=hush-hush\n")

    result = project.shipper("deploy")

    assert result.exit_code == 3
    assert "config/secrets.env is not ignored by Git" in result.errors
    project.write(".gitignore", "config/secrets.env\n")
    project.deploy()
    assert "PASSWORD=hush-hush" in project.serving["Config"]["Env"]


def test_logs_mask_the_secrets_of_a_release_that_never_served(project: Project) -> None:
    gate = "gate: {command: [sh, -c, 'exit 1'], deadline: 1s, interval: 50ms}"
    with_secret(project, f"{gate}\nenv: {{MODE: talks}}")
    project.shipper("deploy", PASSWORD=SECRET)

    result = project.shipper("logs")

    assert "PASSWORD=•••" in result.output
    assert leaks(result.everything) == []


def test_the_salt_and_hash_of_an_env_are_not_told(project: Project) -> None:
    with_secret(project)
    project.deploy(PASSWORD=SECRET)

    assert "env_salt" not in project.shipper("releases", "--json").output
