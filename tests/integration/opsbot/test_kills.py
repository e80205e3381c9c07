"""SIGKILL of opsbot while it deploys: the next one says in the same message what is true, and goes on from there."""

import os
from itertools import cycle

import pytest

from tests.fakes.telegram import Message
from tests.integration.opsbot.deploys import deploys
from tests.integration.opsbot.house import House
from tests.integration.visiting import visitor
from tests.integration.waiting import eventually

ROLE = "gate: {http: {port: 8080, path: /up}, deadline: 10s, interval: 20ms, settle: 20ms}"
ALL = 18
"""Lines of the journal that a deploy writes."""
LINES = range(1, ALL + 1) if "EVERY_LINE" in os.environ else (1, 8, 15)
"""`EVERY_LINE=1 python -m pytest …` tries all; these are one for each thing that there is to say of it."""


@pytest.fixture
def versions(ops: House) -> tuple[str, str]:
    """Commits; the second one serves."""
    ops.project.configure(ROLE, retain="2")
    commits = (ops.project.version("version 1"), ops.project.version("version 2"))
    ops.active()
    for commit in commits:
        ops.answer(deploys(ops, commit), "serves, after")
    return commits


def is_killed_at(ops: House, line: int, asked: Message) -> Message:
    """When the journal has so many lines of what this asked for, and is confirmed now. The message that tells of it."""
    file, bot = ops.project.state / "journal", ops.bots[-1]
    before = file.read_bytes().count(b"\n")
    ops.presses("deployer", "Confirm", asked)
    eventually(lambda: file.read_bytes().count(b"\n") >= before + line, f"line {line}", within=30, every=0.001)
    bot.kill()
    return next(answer for answer in asked.chat.answers_to(asked) if "by deployer" not in answer.text)


def truth(ops: House, told: Message) -> str:
    """What the next opsbot says in the same message, once it has looked."""
    ops.active()

    def is_told() -> str | None:
        return told.text if "was killed" in told.text and "Looking" not in told.text else None

    return told.chat.wait_until(is_told, f"the truth in {told.text!r}")


def goes_on(ops: House, told: Message) -> None:
    ops["deployer"].clicks("Go on", told)

    def planned() -> Message | None:
        return next((a for a in told.chat.answers_to(told) if a.labels or "nothing to do" in a.text), None)

    plan = told.chat.wait_until(planned, "the plan of what is left")
    if plan.labels:
        ops["deployer"].clicks("Confirm", plan)
        ops.answer(told, "serves, after")


def who_serves(ops: House) -> str:
    """As the message has to say it."""
    marked = [c for c in ops.project.containers() if c["HostConfig"]["RestartPolicy"]["Name"] == "always"]
    labels = marked[0]["Config"]["Labels"]
    return f"release {labels['shipper.release']} of {labels['shipper.version'][:7]}"


def test_wherever_a_deploy_is_killed_the_next_one_says_what_is_true_and_goes_on(
    ops: House, versions: tuple[str, str]
) -> None:
    with visitor(ops.project):
        for line, commit in zip(LINES, cycle(versions), strict=False):
            told = is_killed_at(ops, line, ops["deployer"].sends_text(f"/deploy production {commit[:7]}"))
            said = truth(ops, told)
            assert f"web on {ops.project.host_name}: {who_serves(ops)}" in said, f"killed at line {line}"
            if "Go on" in told.labels:
                goes_on(ops, told)
            assert ops.project.answer() == f"version {versions.index(commit) + 1}", f"killed at line {line}"


def test_after_two_kills_in_a_row_one_may_go_back(ops: House, versions: tuple[str, str]) -> None:
    first, second = versions
    with visitor(ops.project):
        told = is_killed_at(ops, 11, ops["deployer"].sends_text(f"/deploy production {first[:7]}"))
        assert "of " + first[:7] in truth(ops, told)
        ops["deployer"].clicks("Go on", told)
        again = is_killed_at(ops, 2, told)
        truth(ops, again)
        ops["deployer"].clicks("Roll back", again)
        ops.presses("deployer", "Confirm", again)
        ops.answer(again, f"of {second[:7]} serves, after")
    assert ops.project.answer() == "version 2"
