"""What containers write: of all roles at once, and as it comes while deploys replace them."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.integration.conftest import Project
from tests.integration.killing import session_of
from tests.integration.waiting import eventually

SECRET = "green-as-grass"
OTHER_SECRET = "blue-as-the-sea"


def add_roles(project: Project, **roles: str) -> None:
    """Roles beside `web`, as YAML that is added to what web has."""
    file = project.folder / "config/deploy.yaml"
    web = file.read_text().partition("  web:\n")[2]
    for name, added in roles.items():
        file.write_text(f"{file.read_text()}  {name}:\n{web}    {added}\n")
    project.commit()


@contextmanager
def following(project: Project, *arguments: str) -> "Iterator[tuple[subprocess.Popen[str], Path]]":
    """`shipper logs -f`, and where its output goes."""
    output = project.folder.parent / "followed"
    with output.open("w") as file, project.start("logs", "-f", *arguments, output=file) as process:
        yield process, output


def wait_for(text: str, output: Path) -> None:
    eventually(lambda: text in output.read_text(), repr(text), within=20)


def test_lines_of_all_roles_come_in_the_order_of_their_times(project: Project) -> None:
    project.configure()
    add_roles(project, worker="env: {MODE: deaf}", mute="logging: {driver: none}")
    project.deploy()
    for number in range(1, 4):
        project.say("web", f"web says {number}")
        project.say("worker", f"worker says {number}", "no ERROR")

    everything = project.shipper("logs")
    found = project.shipper("logs", "--grep", r"says \d", "-n", "2")
    in_json = project.shipper("logs", "--role", "worker", "-n", "1", "--json").json
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    lines = [line for line in everything.output.splitlines() if "says" in line]
    assert lines == [f"{f'{name}':6} r1 | {name} says {n}" for n in (1, 2, 3) for name in ("web", "worker")]
    assert "worker r1 | starting in mode deaf" in everything.output
    mute = next(m for m in project.containers() if m["Config"]["Labels"]["shipper.role"] == "mute")["Name"][1:]
    assert f"warning: {project.server.address}: the log of {mute} cannot be read: " in everything.errors
    assert "roles.mute.logging in the config says where its lines go." in everything.errors
    assert found.output.splitlines() == lines[2:]
    assert (in_json["role"], in_json["release"], in_json["stream"], in_json["line"]) == (
        "worker",
        1,
        "stdout",
        "no ERROR",
    )
    assert (in_json["host"], in_json["container"]) == (project.server.address, name_of(project, "worker"))
    assert abs(datetime.fromisoformat(in_json["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert project.shipper("logs", "--since", later).output == ""


def name_of(project: Project, role_name: str) -> str:
    (made,) = [made for made in project.containers() if made["Config"]["Labels"]["shipper.role"] == role_name]
    return str(made["Name"][1:])


def test_following_goes_on_over_a_deploy_and_masks_the_secrets_of_both_releases(project: Project) -> None:
    project.write("config/env.j2", "COLOUR={{ secrets.COLOUR }}\nMODE=talks\n")
    project.configure(secrets="{COLOUR: }")
    project.version("version 1")
    project.deploy(COLOUR=SECRET)
    with following(project) as (process, output):
        wait_for("web r1 | COLOUR=•••", output)
        project.say("web", "said while we listen")
        wait_for("web r1 | said while we listen", output)

        project.deploy(COLOUR=OTHER_SECRET)
        wait_for("web r2 | COLOUR=•••", output)
        project.say("web", f"the colour is {OTHER_SECRET}, and was {SECRET}")
        wait_for("web r2 | the colour is •••, and was •••", output)

        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
    shown = output.read_text()
    assert SECRET not in shown
    assert OTHER_SECRET not in shown
    assert shown.count("starting in mode talks") == 2
    assert re.findall(r"^web (r\d)", shown, flags=re.M) == sorted(re.findall(r"^web (r\d)", shown, flags=re.M))


def test_logs_are_those_of_the_newest_container_and_of_a_release_also_those_of_its_commands(project: Project) -> None:
    project.deploy()
    labels = {**project.serving["Config"]["Labels"], "shipper.deploy": ""}
    image = project.serving["Config"]["Image"]
    for run in ("release", "exec"):
        marks = [f"--label={name}={value}" for name, value in {**labels, "shipper.run": run}.items()]
        line = f"echo 0007 by {run}"
        ended = project.server.docker("run", f"--name={project.service}-{run}", *marks, image, "/bin/sh", "-c", line)
        assert ended.returncode == 0, ended.stderr

    newest = project.shipper("logs")
    of_release = project.shipper("logs", "--release", "1")

    assert newest.output == "web r1 | starting in mode well\n"
    assert of_release.output == "web r1 | starting in mode well\nweb r1 (release command) | 0007 by release\n"
    assert project.shipper("logs", "--release", "2").exit_code == 18

    record = project.state / "releases/1/config"
    record.write_text(record.read_text().replace('"service"', '"another version"'))
    unmasked = project.shipper("logs")
    record.parent.rename(project.state / "releases/.1")
    without = project.shipper("logs")
    assert unmasked.output == without.output == "web r1 | starting in mode well\n"
    told = f"warning: {project.server.address}: the record of release 1 cannot be read, so secrets in what it wrote"
    assert unmasked.errors == without.errors == f"{told} are not masked.\n"


def test_a_connection_that_is_lost_is_told_with_how_to_go_on(project: Project) -> None:
    project.deploy()
    with following(project, "--json") as (process, output):
        wait_for("starting in mode well", output)
        project.server.run(f"kill -9 {session_of(process, project.server)}")
        assert process.wait(timeout=10) == 10

    first, error = map(json.loads, output.read_text().splitlines())
    assert error["what"].startswith(f"{project.server.address}: The connection to Docker broke")
    at = first["at"].partition(".")[0]
    assert f"shipper logs -f --since {at}" in error["next"]


def test_bad_options_are_told_with_their_place(project: Project) -> None:
    pattern = project.shipper("logs", "--grep", "a(b")
    since = project.shipper("logs", "--since", "yesterday")

    assert (pattern.exit_code, since.exit_code) == (2, 2)
    assert "--grep" in pattern.errors
    assert "at position 1" in pattern.errors
    assert '--since: "yesterday" is neither a duration nor a time' in since.errors


def test_what_an_app_writes_commands_neither_a_terminal_nor_a_runner_of_github(project: Project) -> None:
    project.deploy()
    written = r"\033[31mred\033[0m\033]0;evil\007\033[2J##[add-path]/tmp"
    project.server.docker("exec", project.serving["Id"], "/bin/sh", "-c", f"printf '{written}\\n' >/proc/1/fd/1")
    ours, theirs = os.openpty()

    piped = project.shipper("logs")
    in_github = project.shipper("logs", GITHUB_ACTIONS="true")
    in_json = project.shipper("logs", "--json", GITHUB_ACTIONS="true")
    with project.start("logs", output=theirs) as process:
        process.wait()
    on_terminal = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)

    assert "\x1b[31mred\x1b[0m\x1b]0;evil\x07\x1b[2J##[add-path]/tmp\n" in piped.output
    assert "## [add-path]/tmp\n" in in_github.output
    assert "##[" not in in_json.output
    assert json.loads(in_json.output.splitlines()[-1])["line"].endswith("##[add-path]/tmp")
    assert "\x1b[31mred\x1b[0m\\x1b]0;evil\\x07\\x1b[2J##[add-path]/tmp\r\n" in on_terminal
