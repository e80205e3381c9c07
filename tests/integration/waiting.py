"""Waiting for what comes by itself."""

import time
from collections.abc import Callable


def eventually(check: Callable[[], bool], what: str, *, within: float = 10.0, every: float = 0.02) -> None:
    """Looks again and again until `check` holds; after `within` seconds says that `what` did not come."""
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, f"{what} did not come within {within:g} s"
        time.sleep(every)
