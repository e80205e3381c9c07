"""What tests make once and keep in .cache, made before they begin: side by side, since much of it is to be downloaded.

Else the first test that needs something of it would take minutes, and nobody would know why.
"""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

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
    failed = []
    with ThreadPoolExecutor(len(_PARTS)) as pool:
        making = {pool.submit(subprocess.call, [sys.executable, "-m", name]): name for name in _PARTS}
        for made in as_completed(making):
            seconds = time.monotonic() - begun
            if made.result():
                failed.append(making[made])
            elif seconds > _WORTH_TELLING:
                print(f"made {_PARTS[making[made]]}, after {seconds:.0f} s", flush=True)
    if failed:
        sys.exit(f"There is no {' and no '.join(_PARTS[name] for name in failed)}: see above.")


if __name__ == "__main__":
    main()
