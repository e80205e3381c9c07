"""Who holds the lock, from what a server shows to everybody."""

import json
from dataclasses import asdict

import pytest

from shipper.hosts.journal import holder_of
from shipper.model.records import Holder

ANN = Holder(performer="ann@laptop", since="2026-03-01T12:00:00+00:00", purpose="deploy of 1111111")
FOLDER = "/var/lib/shipper/shop"
LOCK = "4: FLOCK  ADVISORY  WRITE 24585 fe:01:93 0 EOF"


def seen(*lines: str, last: str = json.dumps(asdict(ANN))) -> str:
    return "\n".join((last, "", f"254:1:93 {FOLDER}/lock", *lines, ""))


@pytest.mark.parametrize(
    "line",
    [LOCK, f"sh -c umask 007; … shipper-lock {FOLDER} 20 {{}} "],
    ids=["the kernel shows the lock", "the kernel hides it, but the process that holds it is there"],
)
def test_a_lock_that_is_held_is_seen(line: str) -> None:
    assert holder_of(seen("1: POSIX  ADVISORY  READ 7 08:01:5 0 EOF", line), FOLDER) == ANN


@pytest.mark.parametrize(
    "line",
    [
        "",
        "4: FLOCK  ADVISORY  WRITE 24585 fe:02:93 0 EOF",
        "4: FLOCK  ADVISORY  WRITE 24585 fe:01:930 0 EOF",
        "4: POSIX  ADVISORY  WRITE 24585 fe:01:93 0 EOF",
        f"sh -c … shipper-lock {FOLDER}-staging 20 {{}} ",
    ],
    ids=["none", "a file of another disk", "another file", "a lock of another kind", "of another service"],
)
def test_the_lock_of_another_file_is_not_taken_for_it(line: str) -> None:
    assert holder_of(seen(line), FOLDER) is None


def test_where_the_file_cannot_be_placed_the_process_is_seen_all_the_same() -> None:
    told = "\n".join((json.dumps(asdict(ANN)), "", ":", LOCK, f"sh -c … shipper-lock {FOLDER} 20 {{}} "))

    assert holder_of(told, FOLDER) == ANN


def test_where_nobody_ever_deployed_nobody_holds_it() -> None:
    assert holder_of("", FOLDER) is None


def test_a_holder_of_another_version_is_a_holder_all_the_same() -> None:
    held = holder_of(seen(LOCK, last='{"who": "?"}'), FOLDER)

    assert held is not None
    assert held.performer == "somebody"
