"""What takes long to make is made once, and kept in .cache of this clone."""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".cache"


def made_once(name: str, make: Callable[[Path], object], *key: str) -> Path:
    """A file or folder that `make` makes at the path that it is given, while others wait; those of other keys go."""
    CACHE.mkdir(exist_ok=True)
    wanted = CACHE / f"{hash_of(*key)}-{name}"
    with (CACHE / f"lock-{name}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.exists():
            unfinished = CACHE / f"unfinished-{name}"
            for other in [*CACHE.glob(f"[0-9a-f]*-{name}"), unfinished]:
                _remove(other)
            make(unfinished)
            unfinished.rename(wanted)
    return wanted


def hash_of(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def run(command: list[str], input: str = "") -> str:
    """What it printed; an error with all that it said if it failed."""
    done = subprocess.run(command, input=input, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
