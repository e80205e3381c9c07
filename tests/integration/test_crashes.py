"""The client, Docker or the server dies in the middle: what serves goes on, and the same command heals."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise

import pytest

import shipper
from tests.integration.conftest import Project
from tests.integration.killing import journal, kill_deploy, kill_deploy_at
from tests.integration.visiting import visitor
from tests.integration.waiting import eventually

ROLE = """\
gate: {http: {port: 8080, path: /up}, deadline: 10s, interval: 20ms, settle: "${SETTLE:-20ms}"}
command: echo version $VERSION >/www/index.html; exec /bin/sh /app.sh
env: {VERSION: "${VERSION}"}
"""
"""With another VERSION it is another release of the same image: nothing to build, nothing to ship."""


async def deploy(project: Project, version: int) -> shipper.Outcome:
    return await shipper.deploy(project.opened(VERSION=str(version)), wait=5)


async def serves_alone(project: Project, version: int) -> bool:
    """Whether that version answers, nothing else runs, and there is nothing to do."""
    plan = await shipper.plan_deploy(project.opened(VERSION=str(version)))
    return plan.is_empty and project.answer() == f"version {version}\n"


def never_two(project: Project) -> bool:
    """Whether no container began to run before the one before it had ended."""
    states = [container["State"] for container in project.containers(running=False)]
    states = [state for state in states if not state["StartedAt"].startswith("0001")]  # what never began
    return all(older["FinishedAt"] < newer["StartedAt"] for newer, older in pairwise(states))


async def places(project: Project, strategy: str) -> list[str]:
    """What a deploy writes into the journal, line by line, where there are more releases than are kept."""
    project.configure(f"{ROLE}strategy: {strategy}", retain="2")
    project.commit()
    for version in (1, 2):
        await deploy(project, version)
    before = len(journal(project))
    assert isinstance(await deploy(project, 3), shipper.Deployed)
    return written(project, before)


def written(project: Project, before: int) -> list[str]:
    return [f"{entry['event']} {entry.get('step', '')}".strip() for entry in journal(project)[before:]]


@pytest.mark.parametrize("strategy", ["overlap", "recreate"])
async def test_wherever_a_deploy_is_killed_the_same_command_finishes_it(project: Project, strategy: str) -> None:
    expected = await places(project, strategy)
    assert len(expected) > 12
    with visitor(project) if strategy == "overlap" else nullcontext():
        for line, place in enumerate(expected, start=1):
            if place.startswith("end "):
                continue  # at once with it, what begins the next step is sent
            version, before = 3 + line, len(journal(project))
            kill_deploy_at(project, line, VERSION=str(version))
            assert set(written(project, before)) <= set(expected)

            outcome = await deploy(project, version)

            assert outcome.exit_code == 0, f"killed at {place}: {outcome}"
            assert await serves_alone(project, version), f"killed at {place}"
            assert strategy == "overlap" or never_two(project), f"killed at {place}"
    print(f"killed wherever something begins: {', '.join(expected)}")


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


def deploying(project: Project, version: int, **environ: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "shipper", "deploy"],
        cwd=project.folder,
        env={**project.environ, "VERSION": str(version), **environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


async def test_when_docker_is_killed_while_the_new_one_is_checked_the_old_one_serves_and_it_is_said(
    project: Project,
) -> None:
    project.configure(ROLE)
    project.commit()
    await deploy(project, 1)
    before = len(journal(project))
    with deploying(project, 2, SETTLE="5s") as process:  # however late Docker is killed, the check still lasts
        eventually(lambda: "begin check" in written(project, before), "the check")
        project.server.restart_docker()
        exit_code = process.wait(timeout=60)

    assert exit_code in (10, 20)  # Docker did not answer; or it is back, and the new container is found dead
    assert project.answer() == "version 1\n"
    assert project.serving["HostConfig"]["RestartPolicy"]["Name"] == "always"
    await deploy(project, 2)
    assert await serves_alone(project, 2)


STATES = [
    ("overlap", "outcome", "the new one"),
    ("overlap", "begin check", "the old one"),
    ("overlap", "end retire", "the new one"),
    ("recreate", "end stop", "nothing"),
]


async def test_after_a_reboot_exactly_that_runs_which_serves(project: Project) -> None:
    project.configure(f"{ROLE}strategy: ${{STRATEGY:-overlap}}")
    project.commit()
    await deploy(project, 1)
    for version, (strategy, place, expected) in enumerate(STATES, start=2):
        before = len(journal(project))
        settle = "5s" if place == "begin check" else "20ms"  # however late we are to kill it, it is not beyond that
        kill_deploy(project, reached(project, before, place), VERSION=str(version), STRATEGY=strategy, SETTLE=settle)

        project.server.reboot()

        running = [f"VERSION={version}" in container["Config"]["Env"] for container in project.containers()]
        assert running == {"the new one": [True], "the old one": [False], "nothing": []}[expected], place
        (host,) = await shipper.status(project.opened(VERSION=str(version)))
        assert (host.roles[0].container is None) == (expected == "nothing")
        assert (await deploy(project, version)).exit_code == 0
        assert await serves_alone(project, version)


def reached(project: Project, before: int, place: str) -> Callable[[], bool]:
    return lambda: place in written(project, before)
