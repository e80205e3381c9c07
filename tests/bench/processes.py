"""What a process took, as Linux counts it: https://man7.org/linux/man-pages/man5/proc.5.html"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")  # a second


@dataclass(kw_only=True)
class Taken:
    """Is complete once the block of `measured` has ended."""

    seconds: float = 0.0
    processor_seconds: float = 0.0
    peak: float = 0.0
    """Megabytes at most, all in all."""
    added: float = 0.0
    """Megabytes at most, above what there was before."""


@contextmanager
def measured(pid: int) -> Iterator[Taken]:
    taken = Taken()
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted anew; that of getrusage cannot be
    memory, processor, begun = _megabytes(pid, "VmRSS"), _processor_seconds(pid), time.monotonic()
    yield taken
    taken.seconds = time.monotonic() - begun
    taken.processor_seconds = _processor_seconds(pid) - processor
    taken.peak = _megabytes(pid, "VmHWM")
    taken.added = taken.peak - memory


def _megabytes(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (kilobytes,) = [int(line.split()[1]) for line in lines if line.startswith(f"{name}:")]
    return kilobytes / 1000


def _processor_seconds(pid: int) -> float:
    _, _, fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    in_user_mode, in_kernel = fields.split()[11:13]
    return (int(in_user_mode) + int(in_kernel)) / _TICKS
