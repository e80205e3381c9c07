"""SIGKILL of opsbot while it deploys: the next one says in the same message what is true, and goes on from there."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import cycle

import pytest

from tests.fakes.telegram import Message
from tests.integration.killing import journal
from tests.integration.opsbot.deploys import HANGS, deploys, deploys_up_to, written
from tests.integration.opsbot.house import House
from tests.integration.test_lock import cut_off
from tests.integration.visiting import visitor
from tests.integration.waiting import eventually

ROLE = "gate: {http: {port: 8080, path: /up}, deadline: 10s, interval: 20ms, settle: 20ms}"
LINES = range(1, 19)
"""Of the journal, that a deploy writes."""
SOME = (1, 15)
"""Before anything was done, and after the commit."""


@pytest.fixture
def versions(ops: House) -> tuple[str, str]:
    """Commits; the second one serves."""
    ops.project.configure(ROLE, retain="2")
    commits = (ops.project.version("version 1"), ops.project.version("version 2"))
    ops.active()
    for commit in commits:
        ops.answer(deploys(ops, commit), "serves, after")
    return commits


def is_killed_when(ops: House, moment: Callable[[list[str]], bool], asked: Message) -> Message:
    """By what stands in the journal of what this asked for, and is confirmed now. The message that tells of it."""
    before, bot = len(journal(ops.project)), ops.bots[-1]
    ops.presses("deployer", "Confirm", asked)
    eventually(lambda: moment(written(ops, before)), "the moment to kill it", within=30, every=0.001)
    bot.kill()
    return next(answer for answer in asked.chat.answers_to(asked) if "See what became" not in answer.text)


def truth(ops: House, told: Message) -> str:
    """What the next opsbot says in the same message, once it has looked."""
    ops.active()

    def is_told() -> str | None:
        return told.text if "was killed" in told.text and "Looking" not in told.text else None

    return told.chat.wait_until(is_told, f"the truth in {told.text!r}")


def has_lines(number: int, lines: list[str]) -> bool:
    return len(lines) >= number


def begins_checks(number: int, lines: list[str]) -> bool:
    return lines.count("begin check") == number


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
    is_killed_everywhere(ops, versions, SOME)


@pytest.mark.soak
def test_it_does_so_at_each_line_of_the_journal(ops: House, versions: tuple[str, str]) -> None:
    is_killed_everywhere(ops, versions, LINES)


def is_killed_everywhere(ops: House, versions: tuple[str, str], lines: Iterable[int]) -> None:
    with visitor(ops.project):
        for line, commit in zip(lines, cycle(versions), strict=False):
            asked = ops["deployer"].sends_text(f"/deploy production {commit[:7]}")
            told = is_killed_when(ops, partial(has_lines, line), asked)
            said = truth(ops, told)
            assert f"web on {ops.project.host_name}: {who_serves(ops)}" in said, f"killed at line {line}"
            if "Go on" in told.labels:
                goes_on(ops, told)
            assert ops.project.answer() == f"version {versions.index(commit) + 1}", f"killed at line {line}"


def test_killed_twice_in_the_middle_it_may_be_rolled_back(ops: House) -> None:
    """The gate of what has to be stopped before it is replaced is not passed."""
    first, second = (two_roles(ops, path) for path in ("/up", "/go"))
    ops.active()
    ops.answer(deploys(ops, first, "admin"), "serves, after")

    told = ops["deployer"].sends_text(f"/deploy production {second[:7]}")
    for checks in (2, 1):  # web is new already when it goes on
        told = is_killed_when(ops, partial(begins_checks, checks), told)
        said = truth(ops, told)
        assert "It was left in the middle" in said
        assert f"• web on {ops.project.host_name}: release 2 of {second[:7]}, new, healthy" in said
        assert f"• jobs on {ops.project.host_name}: nothing serves" in said
        ops["deployer"].clicks("Go on", told)
    ops["deployer"].clicks("Roll back", told)

    eventually(lambda: len(plans(told)) == 2, "both plans")
    ops["deployer"].clicks("Confirm", next(plan for plan in plans(told) if "rollback" in plan.text))
    ops.answer(told, f"release 1 of {first[:7]} serves, after")


def two_roles(ops: House, path: str) -> str:
    """A commit; one has its gate at this path."""
    ops.project.configure(ROLE)
    config = ops.project.folder / "config/deploy.yaml"
    gate = f"gate: {{http: {{port: 8080, path: {path}}}, deadline: 30s, interval: 20ms, settle: 20ms}}"
    jobs = f"  jobs:\n    hosts: [{ops.project.host_name}]\n    stop_timeout: 2s\n    strategy: recreate\n    {gate}\n"
    config.write_text(config.read_text() + jobs)
    return ops.project.commit()


def plans(told: Message) -> list[Message]:
    return [answer for answer in told.chat.answers_to(told) if any("Confirm" in label for label in answer.labels)]


@pytest.mark.soak
def test_cut_off_from_the_server_it_looks_again_as_soon_as_it_can(ops: House) -> None:
    ops.project.configure(HANGS)
    commit = ops.project.version("version 1")
    ops.active()
    asked = deploys_up_to(ops, "begin check", commit)

    with cut_off(ops.project):
        told = ops.answer(asked, "Looking what is true now", within=60)
    ops.answer(asked, "deployer (Telegram) has the lock, for deploy of")
    ops.answer(asked, "It did not come to its end, and nothing of it serves", within=60)

    assert "What serves now is not known" in told.chat.answers_to(told)[0].text
