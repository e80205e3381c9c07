"""What tests make once and keep in .cache, made before they begin: side by side, since much of it is to be downloaded.

Else the first test that needs something of it would take minutes, and nobody would know why.
"""

import subprocess
import sys
import time

from tests.machines import prepare

_PARTS = {
    "tests.images": "the image of this tree, and its layers as a registry has them",
    "tests.bare": "a bare Debian, and Docker's packages for it",
    "tests.hub": "stand-ins for Docker Hub's images",
    "tests.newer_docker": "the Docker of a later Debian",
}
_WORTH_TELLING = 5.0
"""Seconds."""


def main() -> None:
    prepare(print)
    begun = time.monotonic()
    waited_for = {name: subprocess.Popen([sys.executable, "-m", name]) for name in _PARTS}
    failed = []
    while waited_for:
        time.sleep(0.05)
        for name in [name for name, process in waited_for.items() if process.poll() is not None]:
            seconds = time.monotonic() - begun
            if waited_for.pop(name).returncode:
                failed.append(name)
            elif seconds > _WORTH_TELLING:
                print(f"made {_PARTS[name]}, after {seconds:.0f} s", flush=True)
    if failed:
        sys.exit(f"There is no {' and no '.join(_PARTS[name] for name in failed)}: see above.")


if __name__ == "__main__":
    main()
