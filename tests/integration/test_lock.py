"""The lock dies with its holder, and the holder's hands with it."""

import fcntl
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.conftest import Project
from tests.integration.waiting import eventually

SLOW = "gate: {http: {port: 8080, path: /never}, deadline: 60s, interval: 50ms}"


@contextmanager
def deploying(project: Project, step: str) -> Iterator["subprocess.Popen[str]"]:
    """A deploy that has begun this step; it is killed in the end."""
    with project.start("deploy", "--json") as process:
        assert process.stdout
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "step_started" and event["step"] == step:
                break
        yield process


def slow_second_version(project: Project) -> None:
    project.deploy()
    project.configure(SLOW)
    project.version("version 2")


def test_a_second_deploy_is_refused_at_once_and_told_who_holds_the_lock(project: Project) -> None:
    slow_second_version(project)
    commit = project.git("rev-parse", "--short=7", "HEAD")

    with deploying(project, "check"):
        before = project.containers(running=False)
        result = project.shipper("deploy")
        assert project.containers(running=False) == before

    assert result.exit_code == 30
    assert f"another deploy holds the lock: tester@{os.uname().nodename} has it since 20" in result.errors
    assert f"for deploy of {commit}" in result.errors


@pytest.mark.builds
@pytest.mark.parametrize("step", ["build", "ship"])  # test_crashes.py kills at all that follows
def test_a_deploy_that_was_killed_leaves_no_lock_and_the_same_command_finishes_it(project: Project, step: str) -> None:
    project.deploy()
    project.version("version 2")
    with deploying(project, step):
        pass
    assert project.containers() != []

    result = project.shipper("deploy", "--wait", "5")

    assert result.exit_code == 0, result.everything
    assert project.answer() == "version 2"
    assert project.shipper("plan").output.endswith("\nnothing to do\n")


def test_a_killed_deploy_is_told_to_the_next_one(project: Project) -> None:
    slow_second_version(project)
    with deploying(project, "check"):
        pass
    project.configure()
    project.version("version 3")

    result = project.shipper("deploy", "--wait", "5")

    assert "the deploy before this one did not finish; going on from what is true now." in result.output
    assert project.answer() == "version 3"


def test_a_deploy_can_wait_for_another_one(project: Project) -> None:
    slow_second_version(project)

    with deploying(project, "check") as first, project.start("deploy", "--wait", "30", "--json") as second:
        assert second.stdout
        assert json.loads(second.stdout.readline())["event"] == "connected"
        first.send_signal(signal.SIGINT)
        its_turn = any(json.loads(line)["event"] == "planned" for line in second.stdout)

    assert its_turn


def test_when_the_network_drops_everything_the_lock_is_freed_and_nobody_acts_any_more(project: Project) -> None:
    slow_second_version(project)
    with deploying(project, "check") as process, cut_off(project):
        eventually(lambda: is_free(project.state / "lock"), "the lock", within=40.0)
        before = [(c["Id"], c["State"]["Status"]) for c in project.containers(running=False)]
        assert process.wait(timeout=60) == 21
        assert [(c["Id"], c["State"]["Status"]) for c in project.containers(running=False)] == before
    project.configure()
    project.version("version 3")

    project.deploy()

    assert project.answer() == "version 3"


def test_a_client_that_falls_silent_has_lost_its_connection_when_its_lock_is_free(project: Project) -> None:
    slow_second_version(project)
    with deploying(project, "check") as process:
        process.send_signal(signal.SIGSTOP)
        eventually(lambda: is_free(project.state / "lock"), "the lock", within=40.0)
        assert project.server.run("ss -Htn state established '( sport = :22 )'").stdout == ""
        process.send_signal(signal.SIGCONT)
        assert process.wait(timeout=60) == 21


def is_free(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@contextmanager
def cut_off(project: Project) -> Iterator[None]:
    """Drops every packet of the SSH connections that there are."""
    shown = project.server.run("ss -Htn state established '( sport = :22 )'").stdout
    ports = [line.split()[3].rpartition(":")[2] for line in shown.splitlines()]
    assert ports
    rules = [f"{chain} -p tcp {end} {port} -j DROP" for port in ports for chain, end in DIRECTIONS]
    for rule in rules:
        project.server.run(f"iptables -I {rule}")
    try:
        yield
    finally:
        for rule in rules:
            project.server.run(f"iptables -D {rule}")


DIRECTIONS = [("INPUT", "--sport"), ("OUTPUT", "--dport")]


@pytest.mark.builds
def test_the_journal_has_each_step_before_and_after(project: Project) -> None:
    project.deploy()

    journal = project.server.run(f"cat /var/lib/shipper/{project.service}/journal").stdout
    entries = [json.loads(line) for line in journal.splitlines()]
    assert [entry["event"] for entry in (entries[0], entries[-1])] == ["deploy", "outcome"]
    events = {event: [e["step"] for e in entries if e["event"] == event] for event in ("begin", "end")}
    assert events["begin"] == ["build", "ship", "network", "release", "create", "start", "check", "swap", "commit"]
    assert sorted(events["end"]) == sorted(events["begin"])
    assert [e["event"] for e in entries if e.get("step") == "start"] == ["begin", "end"]
    assert (entries[-1]["kind"], entries[-1]["exit_code"]) == ("deployed", 0)


def test_a_freeze_refuses_deploys_with_its_reason_but_not_rollbacks(project: Project) -> None:
    project.deploy()
    project.version("version 2")
    project.deploy()

    project.shipper("lock", "maintenance")
    frozen = project.shipper("lock", "black friday", "--for", "2h")

    assert frozen.exit_code == 0, frozen.everything
    assert "by tester@" in frozen.output
    assert re.search(r": this replaces the freeze of tester@\S+: maintenance\n", frozen.errors)
    refused = project.shipper("deploy")
    assert refused.exit_code == 32
    assert "has frozen deploys until" in refused.errors
    assert "black friday" in refused.errors
    plan = project.shipper("plan")
    assert plan.exit_code == 0
    assert "black friday. A deploy is refused until shipper unlock." in plan.errors
    assert "black friday" in project.shipper("lock", "--status").output
    assert project.shipper("rollback").exit_code == 0
    assert project.answer() == "version 1"
    lifted = project.shipper("unlock")
    assert re.fullmatch(r"\S+: lifted the freeze until \S+ \S+ UTC of tester@\S+: black friday\n", lifted.output)
    assert project.shipper("unlock").output == project.shipper("lock", "--status").output == "deploys are not frozen\n"
    project.deploy()


def test_a_freeze_ends_by_itself(project: Project) -> None:
    project.shipper("lock", "one moment", "--for", "1ms")

    project.deploy()


def test_a_freeze_needs_a_reason_and_a_duration_that_is_one(project: Project) -> None:
    assert project.shipper("lock").exit_code == 2
    for duration in ("soon", "", "99999999h"):
        assert project.shipper("lock", "why", "--for", duration).exit_code == 2
    assert project.shipper("lock", "why", "--for", "0s").exit_code == 0  # and it is over
    assert project.shipper("lock", "--status").output == "deploys are not frozen\n"


def test_history_tells_who_did_what_and_what_became_of_it(project: Project) -> None:
    project.deploy()
    project.configure("env: {MODE: exits}")
    project.version("version 2")
    project.shipper("deploy")

    past = project.shipper("history", "--json").json

    assert [(deploy["outcome"], deploy["performer"].partition("@")[0]) for deploy in past] == [
        ("deployed", "tester"),
        ("failed", "tester"),
    ]
    assert "release 2 of" in past[1]["title"]
    assert "failed" in project.shipper("history").output


RUN = {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "ann/shop", "GITHUB_RUN_ID": "42"}


def test_history_tells_from_where_and_which_version(project: Project) -> None:
    first = project.git("rev-parse", "HEAD")
    project.deploy(GITHUB_ACTOR="ann", **RUN)
    second = project.version("version 2")
    project.deploy()

    past = project.shipper("history", "--json").json

    assert [(deploy["performer"].partition("@")[0], deploy["origin"], deploy["version"]) for deploy in past] == [
        ("ann", "https://git.example/ann/shop/actions/runs/42", first),
        ("tester", "terminal", second),
    ]
    header, of_second, of_first = project.shipper("history").output.splitlines()
    assert "BY" in header
    assert "FROM" in header
    assert "https://git.example/ann/shop/actions/runs/42  deployed" in of_first
    assert f"release 2 of {second[:7]} replaces release 1 of {first[:7]}" in of_second
    assert project.shipper("history", "--json", "-n", "1").json == past[1:]


def test_who_finds_the_lock_taken_is_told_from_which_run_it_was(project: Project) -> None:
    project.configure(SLOW)
    project.environ |= {"GITHUB_ACTOR": "ann", **RUN}
    with deploying(project, "check"):
        result = project.shipper("deploy")

    assert result.exit_code == 30, result.everything
    assert "holds the lock: ann, from https://git.example/ann/shop/actions/runs/42, has it since 20" in result.errors
