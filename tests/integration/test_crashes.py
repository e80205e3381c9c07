"""The client, Docker or the server dies in the middle: what serves goes on, and the same command heals."""

import subprocess
import sys
from contextlib import nullcontext
from itertools import pairwise

import pytest

import shipper
from tests.integration.conftest import Project
from tests.integration.killing import journal, kill_deploy_at
from tests.integration.visiting import visitor
from tests.integration.waiting import eventually

ROLE = """\
gate: {http: {port: 8080, path: /up}, deadline: 10s, interval: 20ms, settle: 20ms}
command: echo version $VERSION >/www/index.html; exec /bin/sh /app.sh
env: {VERSION: "${VERSION}"}
"""
"""With another VERSION it is another release of the same image: nothing to build, nothing to ship."""


async def deploy(project: Project, version: int) -> shipper.Outcome:
    return await shipper.deploy(project.opened(VERSION=str(version)), wait=5)


async def serves_alone(project: Project, version: int) -> bool:
    plan = await shipper.plan_deploy(project.opened(VERSION=str(version)))
    return plan.is_empty and project.answer() == f"version {version}\n"


def never_two(project: Project) -> bool:
    """Whether no container began to run before the one before it had ended."""
    states = [container["State"] for container in project.containers(running=False)]
    return all(older["FinishedAt"] < newer["StartedAt"] for newer, older in pairwise(states))


async def places(project: Project, strategy: str) -> list[str]:
    """What a deploy writes into the journal, line by line, where there are more releases than are kept."""
    project.configure(f"{ROLE}strategy: {strategy}", retain="2")
    project.commit()
    before = 0
    for version in (1, 2, 3):
        before = len(journal(project)) if version > 1 else 0
        assert isinstance(await deploy(project, version), shipper.Deployed)
    return written(project, before)


def written(project: Project, before: int) -> list[str]:
    return [f"{entry['event']} {entry.get('step', '')}".strip() for entry in journal(project)[before:]]


@pytest.mark.parametrize("strategy", ["overlap", "recreate"])
async def test_wherever_a_deploy_is_killed_the_same_command_finishes_it(project: Project, strategy: str) -> None:
    expected = await places(project, strategy)
    assert len(expected) > 12
    with visitor(project) if strategy == "overlap" else nullcontext():
        for line, place in enumerate(expected, start=1):
            version, before = 3 + line, len(journal(project))
            kill_deploy_at(project, line, VERSION=str(version))
            assert written(project, before)[:line] == expected[:line]

            outcome = await deploy(project, version)

            assert outcome.exit_code == 0, f"killed at {place}: {outcome}"
            assert await serves_alone(project, version), f"killed at {place}"
            assert strategy == "overlap" or never_two(project), f"killed at {place}"
    print(f"killed at each of {len(expected)} lines: {', '.join(expected)}")


async def test_of_two_deploys_that_start_at_one_moment_one_wins_and_the_other_touches_nothing(project: Project) -> None:
    project.configure(ROLE.replace("/up", "/go").replace("10s", "30s"))
    project.commit()
    with deploying(project, 1) as first, deploying(project, 2) as second:
        eventually(lambda: (first.poll() or second.poll()) is not None, "the end of the one that loses", within=30)
        version, winner, loser = (1, first, second) if second.poll() else (2, second, first)
        eventually(lambda: project.containers() != [], "the container of the one that wins", within=30)
        (container,) = project.containers(running=False)
        project.server.docker("exec", container["Id"], "/bin/sh", "-c", ">/www/go")
        assert (winner.wait(timeout=30), loser.wait()) == (0, 30)
        assert loser.stderr
        assert "another deploy holds the lock" in loser.stderr.read()
    assert await serves_alone(project, version)
    assert [container["Id"] for container in project.containers(running=False)] == [container["Id"]]
    assert [entry["event"] for entry in journal(project) if "step" not in entry] == ["deploy", "outcome"]


def deploying(project: Project, version: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "shipper", "deploy"],
        cwd=project.folder,
        env={**project.environ, "VERSION": str(version)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
