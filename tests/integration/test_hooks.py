"""Hooks: commands on this machine, before and after the swap."""

import signal
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import Project
from tests.integration.waiting import eventually

pytestmark = pytest.mark.builds

RUN = {"SERVER_URL": "https://github.com", "REPOSITORY": "ann/shop", "RUN_ID": "42"}
SHIPPER = f"{sys.executable} -m shipper"


@pytest.fixture
def told(project: Project) -> "Told":
    return Told(project)


class Told:
    """What hooks found in their environment."""

    def __init__(self, project: Project) -> None:
        self._file = project.folder.parent / "told"
        self.command = f"env | grep ^SHIPPER_ >> {self._file}; echo --- >> {self._file}"

    def runs(self) -> list[dict[str, str]]:
        """The oldest first; forgotten then."""
        text = self._file.read_text() if self._file.exists() else ""
        self._file.unlink(missing_ok=True)
        return [
            dict(line.removeprefix("SHIPPER_").split("=", 1) for line in run.splitlines())
            for run in text.split("---\n")[:-1]
        ]


def hooks(**commands: str) -> str:
    """YAML."""
    told = (f"{name.replace('_', '-')}: {{command: {command!r}}}" for name, command in commands.items())
    return f"{{{', '.join(told)}}}"


def test_each_hook_runs_when_it_is_its_turn_and_is_told_what_it_is_about_in_ci_too(
    project: Project, told: Told, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    looks = f"[ $SHIPPER_RELEASE != 1 ] || {{ test -s {project.state}/releases/1/env && {SHIPPER} status; }}"
    project.configure(
        hooks=hooks(
            pre_build=told.command,
            pre_deploy=f"{told.command}; {looks}",
            post_deploy=f"{told.command}; [ $SHIPPER_RELEASE = 1 ] || ./no-such-program",
            pre_rollback=told.command,
            post_rollback=told.command,
            post_failure=told.command,
        )
    )
    first = project.version("version 1")

    result = project.deploy(GITHUB_ACTOR="ann")

    built, before, after = told.runs()
    assert [run["HOOK"] for run in (built, before, after)] == ["pre-build", "pre-deploy", "post-deploy"]
    assert before == {
        "HOOK": "pre-deploy",
        "COMMAND": "deploy",
        "SERVICE": project.service,
        "DESTINATION": "",
        "VERSION": first,
        "COMMIT": first,
        "IMAGE": f"{project.service}:{first}",
        "RELEASE": "1",
        "REPLACES": "",
        "REPLACES_VERSION": "",
        "HOSTS": project.host_name,
        "ROLES": "web",
        "PERFORMER": "ann",
        "ORIGIN": "terminal",
    }
    assert float(after.pop("SECONDS")) > 0
    assert after == {**before, "HOOK": "post-deploy", "OUTCOME": "deployed", "EXIT_CODE": "0"}
    lines = result.output.splitlines()
    assert next(line for line in lines if line.startswith("  | ") and "nothing serves" in line)  # the status of then

    second = project.version("version 2")
    in_github = {"ACTIONS": "true", "SHA": second, "ACTOR": "bob", "STEP_SUMMARY": str(summary), **RUN}
    project.write("left-over", "by an earlier step of the job")
    result = project.deploy("--from-ci", **{f"GITHUB_{name}": value for name, value in in_github.items()})
    before = told.runs()[1]
    assert (before["REPLACES_VERSION"], before["VERSION"]) == (first, second)
    assert (before["PERFORMER"], before["ORIGIN"]) == ("bob", "https://github.com/ann/shop/actions/runs/42")
    assert "::group::pre-deploy\nhere: pre-deploy …\n" in result.output
    assert (
        "::warning title=shipper::here: `post-deploy` failed, what serves stays as it is, and it is not run again: "
        "The hook post-deploy failed with exit code 127 (there is no such command): "
    ) in result.output
    assert f"Serves now: release 2 of {second[:7]} on {project.host_name}" in summary.read_text()

    assert project.shipper("rollback").exit_code == 0
    before, after = told.runs()
    assert [run["HOOK"] for run in (before, after)] == ["pre-rollback", "post-rollback"]
    assert (before["VERSION"], before["RELEASE"], before["REPLACES"]) == (first, "1", "2")
    assert project.answer() == "version 1"


def test_a_hook_that_fails_before_the_swap_stops_the_deploy_and_is_reported(project: Project, told: Told) -> None:
    project.deploy()
    failing = "echo the key is $SAMPLE_TOKEN; exit 7"
    secret = {"secrets": "{SAMPLE_TOKEN: }"}
    project.configure(hooks=hooks(pre_deploy=failing, post_failure=told.command), **secret)
    project.version("version 2")

    refused = project.shipper("deploy", SAMPLE_TOKEN="hush-hush")

    assert refused.exit_code == 23
    assert project.answer() == "version 1"
    assert "Reason: The hook pre-deploy failed with exit code 7: echo the key is" in refused.output
    assert "  | the key is •••" in refused.output
    assert "hush-hush" not in refused.everything
    (run,) = told.runs()
    assert (run["HOOK"], run["OUTCOME"], run["EXIT_CODE"]) == ("post-failure", "failed", "23")
    assert (run["STEP"], run["RESTORED"]) == ("pre-deploy here", "true")
    assert run["REASON"].startswith("The hook pre-deploy failed with exit code 7")


def test_an_interrupted_hook_ends_with_all_that_it_began_and_is_reported(
    project: Project, told: Told, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    project.configure(hooks=hooks(pre_deploy=f"sleep 1000 & echo $! > {pid_file}; wait", post_failure=told.command))
    project.version("version 1")

    with project.start("deploy") as process:
        eventually(lambda: pid_file.exists() and pid_file.read_text() != "", "the hook runs")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130

    pid = pid_file.read_text().strip()
    eventually(lambda: not is_running(pid), "what the hook began has ended")
    (run,) = told.runs()
    assert (run["HOOK"], run["OUTCOME"], run["EXIT_CODE"]) == ("post-failure", "interrupted", "130")
    assert project.containers() == []


def is_running(pid: str) -> bool:
    """A zombie that nobody has asked for does not count."""
    status = Path("/proc", pid, "status")
    return status.exists() and "State:\tZ" not in status.read_text()
