"""What was measured, as a table for people and as JSON."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

RTTS = (0.0, 0.1)
"""Seconds of a round trip."""


@dataclass(frozen=True, kw_only=True)
class Row:
    what: str
    unit: str
    samples: Mapping[float, Sequence[float]]
    """For each round trip time the measured values, in `unit`."""
    rounds: tuple[int, int] | None = None
    """Sequential round trips until we were logged in, and after."""
    wanted: str = ""
    kamal: str = ""


_NOTES = """\
Each run is a process of its own, from its start to its end; median (lowest – highest).
Round trips: until logged in + after, counted on the link of 100 ms; by time: how many explain the slower runs there.
The link delays, TCP's handshake included; it has no other limit. The gate has no time to settle, as Kamal has none.
ship: its step of a deploy, until Docker has unpacked all. ssh: without the time to log in. Both: random bytes.
Simulated hosts: virtual seconds of a warm deploy; each call takes a round trip, connecting none.
Speech: digits of espeak-ng, heard by a model with the dimensions of Whisper base, and the hour by one of 1 MB; the same
options. For the bot from when a voice message is sent until the whole text is there, through a Telegram on loopback."""

_WIDTH = 170  # of the table: in a pipe too, where rich would take 80


def show(rows: Sequence[Row], machine: Mapping[str, str]) -> None:
    table = Table()
    for name in ("what", "unit", "0 ms", "100 ms", "round trips", "by time", "wanted", "Kamal 2.12"):
        table.add_column(name, justify="left" if name in ("what", "unit") else "right", no_wrap=True)
    for row in rows:
        cells = [_cell(row.samples.get(rtt, ())) for rtt in RTTS]
        rounds = f"{row.rounds[0]} + {row.rounds[1]}" if row.rounds else ""
        table.add_row(row.what, row.unit, *cells, rounds, _by_time(row), row.wanted, row.kamal)
    console = Console(highlight=False, width=_WIDTH)
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()))
    console.print(table)
    console.print(_NOTES)


def _cell(samples: Sequence[float]) -> str:
    if not samples:
        return ""
    spread = f" ({min(samples):.3g} – {max(samples):.3g})" if len(samples) > 1 else ""
    return f"{statistics.median(samples):.3g}{spread}"


def _by_time(row: Row) -> str:
    """How many round trips explain the difference between the two links."""
    if not row.rounds:
        return ""
    near, far = (statistics.median(row.samples[rtt]) for rtt in RTTS)
    return f"{(far - near) / (RTTS[1] - RTTS[0]):.1f}"


def write(rows: Sequence[Row], machine: Mapping[str, str], file: Path) -> None:
    file.write_text(json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=2) + "\n")


def described_machine() -> dict[str, str]:
    """This machine, and what of its software the figures depend on."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": _said("git", "describe", "--always", "--dirty"),
        "processors": f"{os.cpu_count()} × {models[0].partition(': ')[2] if models else platform.machine()}",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "dockerd": _said("dockerd", "--version"),
        "ssh": _said("ssh", "-V"),
    }


def _said(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    return done.stdout.strip()
