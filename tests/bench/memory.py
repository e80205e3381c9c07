"""How much memory a process takes, from what Linux keeps of it: https://man7.org/linux/man-pages/man5/proc.5.html"""

from pathlib import Path


def begin(process: str = "self") -> float:
    """Megabytes now; the peak is counted anew."""
    Path(f"/proc/{process}/clear_refs").write_text("5")
    return _megabytes(process, "VmRSS")


def peak(process: str = "self") -> float:
    """Megabytes at most since then. `ru_maxrss` would count what the parent had when it forked."""
    return _megabytes(process, "VmHWM")


def _megabytes(process: str, name: str) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (kilobytes,) = [int(line.split()[1]) for line in lines if line.startswith(f"{name}:")]
    return kilobytes / 1000
