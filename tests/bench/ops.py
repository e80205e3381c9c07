"""How quick opsbot is: from a command to its plan, and from the confirm to the last state of the message."""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.bench.commands import next_version
from tests.bench.report import RTTS, Row
from tests.bench.runs import Client
from tests.fakes.telegram import Message, Telegram, User
from tests.machines import Machine
from tests.opsbots import opsbot

_CONFIG = """\
environments: {{ production: {{}} }}
people: {{ ann: {{ id: {id}, may: admin }} }}
limits: {{ commands_per_minute: 600 }}
"""
_RUNS = 5
_SECONDS = 60


def measure_ops(client: Client, server: Machine, say: Callable[[str], None]) -> Iterator[Row]:
    """Beside each deploy from the chat, one by the CLI."""
    planned: dict[float, list[float]] = defaultdict(list)
    deployed: dict[float, list[float]] = defaultdict(list)
    by_command: dict[float, list[float]] = defaultdict(list)
    with Telegram() as telegram, tempfile.TemporaryDirectory(prefix="opsbot-bench-") as folder:
        ann = telegram.add_user("Ann")
        client.repository.write("config/opsbot.yaml", _CONFIG.format(id=ann.id))
        environ: Any = client.environ
        with opsbot(telegram, Path(folder), client.repository.folder, **environ) as bot:
            bot.becomes("active")
            for number in range(_RUNS):
                say(f"opsbot, {number + 1} of {_RUNS}")
                for rtt in RTTS:
                    next_version(client.repository, server)
                    by_command[rtt].append(client.run(rtt, "deploy").seconds)
                    to_plan, to_end = _deploy(ann, next_version(client.repository, server))
                    planned[rtt].append(to_plan)
                    deployed[rtt].append(to_end)
    yield Row(what="opsbot: /deploy to its plan", unit="s", samples=planned, wanted="1.5")
    yield Row(what="opsbot: confirm to the last state of the message", unit="s", samples=deployed, wanted="1.05 × CLI")
    yield Row(what="… the same by the CLI, in turns with it", unit="s", samples=by_command)


def _deploy(ann: User, commit: str) -> tuple[float, float]:
    """Seconds until the plan is there, and from the confirm until it serves and is said to."""
    begun = time.monotonic()
    asked = ann.sends_text(f"/deploy production {commit}")

    def answered(label: str) -> Message | None:
        return next((answer for answer in ann.chat.answers_to(asked) if label in " ".join(answer.labels)), None)

    plan = ann.chat.wait_until(lambda: answered("Confirm"), "a plan", within=_SECONDS)
    planned = time.monotonic()
    ann.clicks("Confirm", plan)
    ann.chat.wait_until(lambda: answered("Roll back"), "its end", within=_SECONDS)
    return planned - begun, time.monotonic() - planned
