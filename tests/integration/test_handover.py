"""A bot that must never poll twice at once, shipped in real containers: nothing is lost, nothing done twice."""

import json
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest

import shipper
from tests.fakes.updates import Updates, UpdateServer
from tests.integration.conftest import Project
from tests.integration.killing import journal, kill_deploy
from tests.integration.making import PYTHON, PYTHON_VOLUMES
from tests.integration.waiting import eventually

pytestmark = pytest.mark.builds

HANDOVERS = 20
SHIPPER = Path(shipper.__file__).parent
VOLUMES = [*PYTHON_VOLUMES, f"{SHIPPER}:/code/shipper:ro"]
DOCKERFILE = "FROM scratch\nCOPY singleton.py /app/\n"
ROLE = f"""\
singleton: true
handover: {{port: 8080, path: /health, deadline: 2s}}
gate: {{http: {{port: 8080, path: /health}}, deadline: 10s, interval: 20ms, settle: 20ms}}
stop_timeout: 60s
command: [{PYTHON}, /app/singleton.py]
volumes: {VOLUMES}
env: {{PYTHONPATH: /code, UPDATES_URL: "${{UPDATES_URL}}", TRY: "${{TRY:-0}}", MODE: "${{MODE:-well}}"}}
"""
"""With another TRY or MODE it is another release of the same image: nothing to build, nothing to ship.

On a busy machine a bot has hundreds of updates to finish when it is told to end: it gets a minute, not to be killed.
"""

SELF_DOCKERFILE = "FROM scratch\nWORKDIR /tmp\n"


@dataclass(frozen=True, kw_only=True)
class Bot:
    """A project of the singleton, and the server that it polls."""

    project: Project
    updates: Updates

    async def deploy(self, **environ: str) -> shipper.Outcome:
        return await shipper.deploy(self.project.opened(**environ), wait=5)

    @property
    def name(self) -> str:
        """What the one that runs calls itself when it polls."""
        return str(self.project.serving["Config"]["Hostname"])

    def polls(self, name: str) -> None:
        before = len(self.updates.polls)
        eventually(lambda: name in [poll.name for poll in self.updates.polls[before:]], f"a poll of {name}")

    def lines(self, container: dict[str, Any]) -> list[str]:
        return [line for _, line in self.log(container)]

    def log(self, container: dict[str, Any]) -> list[tuple[datetime, str]]:
        shown = self.project.server.docker("logs", "--timestamps", container["Id"]).stdout
        parts = [line.partition(" ") for line in shown.splitlines()]
        return [(datetime.fromisoformat(at), line) for at, _, line in parts]

    def ends(self) -> None:
        """Tells it to end, so that all that it accepted is done; then nothing may be missing or double."""
        self.project.server.docker("stop", self.project.serving["Id"])
        assert self.updates.overlaps == []
        assert self.updates.missed() == []
        assert self.updates.doubled() == []
        assert sum(self.updates.done.values()) == self.updates.confirmed > 0


@pytest.fixture
def bot(project: Project) -> Iterator[Bot]:
    """It gets an update each 20 ms."""
    project.write("Dockerfile", DOCKERFILE)
    project.configure(ROLE)
    project.commit()
    with UpdateServer(every=0.02, address=project.server.gateway) as server:
        project.environ["UPDATES_URL"] = server.url
        yield Bot(project=project, updates=server.updates)


async def test_twenty_handovers_in_a_steady_stream_miss_nothing_and_do_nothing_twice(bot: Bot) -> None:
    await bot.deploy()
    plan = await shipper.plan_deploy(bot.project.opened(TRY="1"))
    assert "because handover: it must never run twice, and knows how to hand over" in "\n".join(plan.lines)
    for number in range(1, HANDOVERS + 1):
        outcome = await bot.deploy(TRY=str(number))
        assert isinstance(outcome, shipper.Deployed), outcome
    bot.ends()

    gaps = sorted(round(gap * 1000) for gap in bot.updates.gaps())
    print(f"{bot.updates.confirmed} updates; gaps in ms: median {median(gaps)}, max {gaps[-1]}, all {gaps}")
    assert len(gaps) == HANDOVERS


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("deaf-to-lease", "was not active within 2 s: standby"),
        ("crashes-when-active", "exited with code 5 instead of becoming active"),
    ],
)
async def test_who_does_not_become_active_is_refused_and_the_old_one_polls_again(
    bot: Bot, mode: str, reason: str
) -> None:
    await bot.deploy()
    old = bot.name

    outcome = await bot.deploy(MODE=mode)

    assert isinstance(outcome, shipper.Failed)
    assert (outcome.exit_code, outcome.restored) == (20, True)
    assert reason in outcome.reason
    assert bot.name == old
    bot.polls(old)
    bot.ends()


async def test_the_new_one_is_at_work_while_the_old_one_finishes_what_it_holds(bot: Bot) -> None:
    await bot.deploy(MODE="slow-drain")

    await bot.deploy()

    new, old = bot.project.containers(running=False)
    assert old["State"]["ExitCode"] == 0
    assert bot.lines(old) == ["standby", "active", "draining", "ended"]
    became_active = next(at for at, line in bot.log(new) if line == "active")
    assert became_active < datetime.fromisoformat(old["State"]["FinishedAt"])
    (seen,) = (await shipper.status(bot.project.opened()))[0].roles
    assert (seen.health, seen.handover) == (shipper.HEALTHY, "active")
    bot.ends()


@pytest.mark.parametrize("moment", ["the handover begins", "the new one polls"])
async def test_a_handover_whose_client_was_killed_is_finished_by_the_same_command(bot: Bot, moment: str) -> None:
    await bot.deploy()
    old = bot.name
    moments = {
        "the handover begins": lambda: (journal(bot.project)[-1].get("step") == "handover"),
        "the new one polls": lambda: bot.updates.polls[-1].name != old,
    }
    kill_deploy(bot.project, moments[moment], TRY="1")

    outcome = await bot.deploy(TRY="1")

    assert isinstance(outcome, shipper.Deployed)
    assert bot.name != old
    bot.polls(bot.name)
    bot.ends()


# A bot that deploys itself


@pytest.fixture
async def deployer(bot: Bot, tmp_path: Path) -> Bot:
    """It reaches its own server from its container, and has done nothing yet."""
    control = tmp_path / "control"
    control.mkdir()
    (control / "key").write_text(bot.project.environ.pop("SAMPLE_KEY"))
    (control / "key").chmod(0o600)
    mounted = {
        SHIPPER.parent: "/repository",
        sysconfig.get_path("purelib"): "/site",
        bot.project.folder: "/project",
        control: control,
    }
    volumes = [*PYTHON_VOLUMES, *(f"{source}:{target}:ro" for source, target in mounted.items())]
    environ = f"PATH: /usr/bin, USER: bot, PYTHONPATH: '/repository:/site', CONTROL: {control}, UPDATES_URL"
    bot.project.write("Dockerfile", SELF_DOCKERFILE)
    bot.project.configure(
        ROLE.replace("/app/singleton.py", "-m, tests.app.self_deployer")
        .replace(str(VOLUMES), str(volumes))
        .replace("PYTHONPATH: /code, UPDATES_URL", environ)
    )
    file = bot.project.folder / "config/deploy.yaml"
    file.write_text(file.read_text().replace("key_env: SAMPLE_KEY", f"key: {control}/key"))
    bot.project.commit()
    await bot.deploy()
    return bot


def ask(bot: Bot, control: Path, number: int, **environ: str) -> None:
    """Tells the one that polls to deploy, as the how-many-th of its life."""
    new = control / "new"
    new.write_text(json.dumps(environ))
    new.rename(control / f"{bot.name}-{number}")


async def test_a_bot_takes_its_work_back_from_one_that_fails_and_leaves_it_to_one_that_does_not(
    deployer: Bot, tmp_path: Path
) -> None:
    old = deployer.project.serving

    ask(deployer, tmp_path / "control", 1, MODE="deaf-to-lease", TRY="1")
    eventually(lambda: "Failed True" in deployer.lines(old), "its failure", within=20)
    assert deployer.project.serving["State"] == old["State"]
    deployer.polls(deployer.name)
    ask(deployer, tmp_path / "control", 2, TRY="2")
    eventually(lambda: old["Id"] not in [c["Id"] for c in deployer.project.containers()], "its end", within=20)

    assert deployer.lines(old) == [
        *("standby", "active", "draining", "active", "Failed True"),
        *("draining", "Deployed", "ended"),
    ]
    new, *_, ended = deployer.project.containers(running=False)
    assert ended["Id"] == old["Id"]
    assert (ended["State"]["ExitCode"], ended["HostConfig"]["RestartPolicy"]["Name"]) == (0, "no")
    assert (new["Id"], new["HostConfig"]["RestartPolicy"]["Name"]) == (deployer.project.serving["Id"], "always")
    assert [entry.get("kind") for entry in journal(deployer.project) if entry["event"] == "outcome"][1:] == [
        "failed",
        "deployed",
    ]
    deployer.polls(deployer.name)
    deployer.ends()


async def test_a_bot_that_is_killed_while_it_hands_over_is_started_again_and_polls_if_nobody_else_does(
    deployer: Bot, tmp_path: Path
) -> None:
    old = deployer.project.serving
    ask(deployer, tmp_path / "control", 1, MODE="deaf-to-lease", TRY="1")
    eventually(lambda: "draining" in deployer.lines(old), "that it gives way", within=20)

    deployer.project.server.run(f"kill -KILL {old['State']['Pid']}")  # as the kernel would, not as `docker kill`

    deployer.polls(old["Config"]["Hostname"])
    assert isinstance(await deployer.deploy(TRY="2"), shipper.Deployed)
    deployer.polls(deployer.name)
    assert deployer.updates.overlaps == []
