"""The workflows of this repository, read: what they may do and pass on, and that people can type what they run."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shipper import CiVariable, ci_variables, open_project
from shipper.cli import main

ROOT = Path(__file__).parents[2]
WORKFLOWS = {path.name: path for path in (ROOT / ".github/workflows").iterdir()}
ACTION = ROOT / ".github/actions/shipper/action.yml"
FILES = [*WORKFLOWS.values(), ACTION]
PROGRAMS = Path(sys.executable).parent
NOT_OF_SECRETS = {"DESTINATION", "DIGEST", "REVISION", "RELEASE"}


def read(path: Path) -> dict[str, Any]:
    found = yaml.load(path.read_text(), yaml.BaseLoader)  # the others take `on` for a truth value
    assert isinstance(found, dict)
    return found


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, path in WORKFLOWS.items():
        for job_name, job in read(path)["jobs"].items():
            yield f"{name}: {job_name}", job


def steps() -> list[dict[str, Any]]:
    return [*(step for _, job in jobs() for step in job.get("steps", ())), *read(ACTION)["runs"]["steps"]]


def lines(program: str) -> list[str]:
    return [step["run"] for step in steps() if re.search(rf"(^|\s){program} ", step.get("run", ""))]


def checked(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("schema", "files"), [("github-workflows", [*WORKFLOWS.values()]), ("github-actions", [ACTION])]
)
def test_they_are_what_the_published_schema_allows(schema: str, files: list[Path]) -> None:
    assert "ok" in checked(f"{PROGRAMS}/check-jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files))


def test_an_auditor_of_workflows_finds_nothing() -> None:
    assert checked(
        f"{PROGRAMS}/zizmor", "--offline", "--no-progress", "--quiet", "--color=never", ".github"
    ).startswith("No findings")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_of_others_are_pinned_by_commit_with_their_version_beside_it(path: Path) -> None:
    used = re.findall(r"^ +(?:- )?uses: (.*)", path.read_text(), re.MULTILINE)
    others = [name for name in used if not name.startswith("./")]
    assert others
    assert [
        name for name in others if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+(, .+)?", name)
    ] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_run_may_read_the_repository_and_nothing_else(name: str) -> None:
    assert read(WORKFLOWS[name])["permissions"] == {"contents": "read"}
    assert [job for title, job in jobs() if "permissions" in job] == []


def test_no_checkout_leaves_a_token_behind() -> None:
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert [step for step in checkouts if step["with"]["persist-credentials"] != "false"] == []


def test_nothing_that_somebody_wrote_and_no_secret_gets_into_a_script() -> None:
    assert [step["run"] for step in steps() if "${{" in step.get("run", "")] == []


def test_each_job_ends_in_time() -> None:
    assert [title for title, job in jobs() if "uses" not in job and not int(job["timeout-minutes"]) <= 120] == []


def test_tests_are_given_up_for_a_newer_push_and_a_deploy_never() -> None:
    groups = {title: job["concurrency"] for title, job in jobs() if "concurrency" in job}

    assert read(WORKFLOWS["ci.yml"])["concurrency"]["cancel-in-progress"] == "true"
    assert [*groups] == ["deploy.yml: deploy"]
    assert groups["deploy.yml: deploy"]["cancel-in-progress"] == "false"
    assert "concurrency" not in read(WORKFLOWS["deploy.yml"])  # a rollback would wait for tests


def test_what_is_run_is_make_targets_and_commands_of_shipper() -> None:
    others = [step["run"] for step in steps() if "run" in step and step["run"] not in lines("make") + lines("shipper")]
    assert others == ['sh "$GITHUB_ACTION_PATH/install.sh"']


@pytest.mark.parametrize("line", lines("make"))
def test_a_make_target_exists(line: str) -> None:
    assert checked("make", "--dry-run", *re.findall(r"make (\S+)", line))


@pytest.mark.parametrize("line", lines("shipper"))
@pytest.mark.parametrize("given", ["", "7"], ids=["nothing is chosen", "all is chosen"])
def test_a_command_of_shipper_is_understood_and_told_when_the_job_is_cancelled(line: str, given: str) -> None:
    assert line.startswith("exec shipper ")  # bash waits, and tells nothing on
    script = f"set -u; shipper() {{ printf '%s\\n' \"$@\"; }}\n{line.removeprefix('exec ')}"
    environ = dict.fromkeys(NOT_OF_SECRETS, given)
    told = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=True).stdout
    name, *arguments = told.split("\n")[:-1]

    command = main.commands[name]
    understood = command.make_context(name, arguments).params

    assert understood["from_ci"] is True
    assert understood["destination"] == (given or None)
    assert understood.get("digest") in (None, given)
    assert str(understood["release" if name == "rollback" else "revision"] or "") == given


def read_by(destination: str | None) -> tuple[CiVariable, ...]:
    """What the config reads."""
    environ = {"PATH": os.environ["PATH"], "DOCKER_USERNAME": "ann"}
    return ci_variables(open_project(ROOT, destination=destination, environ=environ))


def variables(destination: str | None) -> set[str]:
    return {variable.name for variable in read_by(destination)}


def of_the_app(destination: str | None) -> set[str]:
    """What its containers are given."""
    return {one.name for one in read_by(destination) if any(use.startswith("secrets.") for use in one.purposes)}


def passed(job_name: str) -> dict[str, str]:
    """What the steps of a job of deploy.yml get from secrets, and the secrets' names."""
    job = read(WORKFLOWS["deploy.yml"])["jobs"][job_name]
    sets = [job.get("env", {}), *(step.get("env", {}) for step in job["steps"])]
    found = {name: text for given in sets for name, text in given.items() if name not in NOT_OF_SECRETS}
    return {name: re.sub(r"\$\{\{ secrets\.(\w+) \}\}", r"\1", text) for name, text in found.items()}


def test_a_deploy_gets_all_that_the_config_reads_and_nothing_else() -> None:
    wanted = variables(None) | variables("staging")
    assert passed("deploy") == {name: name for name in wanted}


def test_a_rollback_gets_no_secret_of_the_app() -> None:
    allowed = "VPS_|STAGING_HOST$|DOCKER_"
    assert set(passed("rollback")) == {name for name in passed("deploy") if re.match(allowed, name)}


def test_no_secret_of_production_can_stand_in_for_one_that_staging_lacks() -> None:
    """GitHub gives a job the repository's secret where its environment has none of that name."""
    assert "STAGING_BOT_TOKEN" in of_the_app("staging")
    assert of_the_app("staging") & of_the_app(None) == set()


def test_what_the_action_installs_has_the_versions_of_the_image() -> None:
    def versions(path: Path) -> set[str]:
        return {*re.findall(r"^(\S+==\S+)", path.read_text(), re.MULTILINE)}

    assert versions(ACTION.parent / "requirements.lock") < versions(ROOT / "requirements.lock")


def test_their_readme_tells_every_secret() -> None:
    told = (ROOT / "docs/ci.md").read_text()
    assert [name for name in passed("deploy") if f"`{name}`" not in told] == []
