"""A bot that must never poll twice at once, shipped in real containers: nothing is lost, nothing done twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
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
    with UpdateServer(every=0.02, address=str(IPv4Address(project.server.address) - 1)) as server:
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
    assert [line for _, line in bot.log(old)] == ["standby", "active", "draining", "ended"]
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
