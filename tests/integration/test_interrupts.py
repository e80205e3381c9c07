"""Ctrl-C and SIGTERM: stop at the next safe point, and say where things stand."""

import json
import signal

import pytest

from tests.integration.conftest import Project

SLOW = "gate: {http: {port: 8080, path: /never}, deadline: 60s, interval: 50ms}"


def interrupted_at(project: Project, step: str, number: int) -> tuple[int, dict[str, object]]:
    """Sends a signal when the step begins; returns the exit code and the last event."""
    last: dict[str, object] = {}
    with project.start("deploy", "--json") as process:
        assert process.stdout
        for line in process.stdout:
            last = json.loads(line)
            if last["event"] == "step_started" and last["step"] == step:
                process.send_signal(number)
        exit_code = process.wait()
    return exit_code, last


def assert_taken_back(last: dict[str, object]) -> None:
    outcome = last["outcome"]
    assert isinstance(outcome, dict)
    assert (outcome["kind"], outcome["reason"], outcome["restored"]) == ("failed", "interrupted", True)


def test_an_interrupt_at_the_gate_takes_back_what_was_begun(project: Project) -> None:
    project.deploy()
    before = project.serving["Id"]
    project.configure(SLOW)
    project.version("version 2")

    exit_code, last = interrupted_at(project, "check", signal.SIGTERM)

    assert exit_code == 130
    assert_taken_back(last)
    assert project.serving["Id"] == before
    assert project.answer() == "version 1"
    past = project.shipper("history", "--json").json
    assert [deploy["outcome"] for deploy in past] == ["deployed", "interrupted"]


# each signal at some step, and some signal at each step: the simulation interrupts at every call
@pytest.mark.parametrize(
    ("step", "number"),
    [
        pytest.param("ship", signal.SIGINT, marks=pytest.mark.builds),
        ("release", signal.SIGTERM),
        ("start", signal.SIGHUP),
        ("swap", signal.SIGINT),
    ],
)
def test_an_interrupt_at_any_step_before_the_commit_leaves_the_old_one_serving(
    project: Project, step: str, number: int
) -> None:
    project.deploy()
    before = project.serving["Id"]
    project.version("version 2")

    exit_code, last = interrupted_at(project, step, number)

    assert exit_code == 130
    assert_taken_back(last)
    assert project.serving["Id"] == before
    assert project.serving["HostConfig"]["RestartPolicy"]["Name"] == "always"
    project.deploy()
    assert project.answer() == "version 2"


def test_an_interrupt_after_the_commit_finishes_the_deploy(project: Project) -> None:
    project.deploy()
    project.version("version 2")

    exit_code, last = interrupted_at(project, "commit", signal.SIGINT)

    assert exit_code == 0
    assert isinstance(last["outcome"], dict)
    assert last["outcome"]["kind"] == "deployed"
    assert project.answer() == "version 2"


def test_an_interrupt_of_a_recreated_role_starts_the_old_one_again(project: Project) -> None:
    project.configure("strategy: recreate")
    project.version("version 1")
    project.deploy()
    before = project.serving["Id"]
    project.configure(f"strategy: recreate\n{SLOW}")
    project.version("version 2")

    exit_code, _ = interrupted_at(project, "check", signal.SIGINT)

    assert exit_code == 130
    assert project.serving["Id"] == before
    assert project.answer() == "version 1"


def test_a_pipe_that_closes_does_not_stop_a_deploy(project: Project) -> None:
    project.configure("strategy: recreate")
    project.version("version 1")
    project.deploy()
    project.version("version 2")
    with project.start("deploy") as process:
        assert process.stdout
        for line in process.stdout:
            if "stop done" in line:
                break
        process.stdout.close()
        exit_code = process.wait()

    assert exit_code == 0
    assert project.answer() == "version 2"
    assert project.serving["HostConfig"]["RestartPolicy"]["Name"] == "always"
