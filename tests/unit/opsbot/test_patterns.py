"""Regular expressions of people's: one that would take for ever ends soon."""

import re
import time

import pytest

from opsbot import patterns
from opsbot.patterns import NoPattern, Pattern, TooSlow


def test_it_finds_what_it_is_to_find() -> None:
    pattern = Pattern("timed? out|5\\d\\d")
    lines = ["it timed out", "GET /: 200", "GET /: 503"]
    assert [line for line in lines if pattern.search(line)] == ["it timed out", "GET /: 503"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("(a+)+$", "a" * 40 + "b"),
        ("(.*)*x", "b" * 60),
        (".*.*.*.*.*.*z", "b" * 16_000),
        ("(?:a?){40}a{40}", "a" * 40),
    ],
)
def test_what_takes_for_ever_ends_soon_and_says_why(text: str, line: str) -> None:
    began = time.process_time()
    with pytest.raises(TooSlow, match="takes too long"):
        Pattern(text).search(line)
    assert time.process_time() - began < 5 * patterns.LINE_SECONDS


def test_many_lines_that_take_long_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "ALL_SECONDS", 0.3)
    pattern = Pattern("(a+)+$")
    with pytest.raises(TooSlow):
        all(not pattern.search("a" * 18 + "b") for _ in range(1000))

    with pytest.raises(TooSlow):  # those of another host, which share the time
        pattern.search("")


def test_of_two_each_ends() -> None:
    one, other = Pattern("(a+)+$"), Pattern("b")
    assert other.search("b")
    with pytest.raises(TooSlow):
        one.search("a" * 40 + "b")


def test_the_next_one_begins_anew() -> None:
    with pytest.raises(TooSlow):
        Pattern("(a+)+$").search("a" * 40 + "b")
    assert Pattern("b").search("a" * 40 + "b")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", "missing ), unterminated subpattern"),
        ("a{99999999999999999999}", "it is too large"),
        ("x" * 201, "it is longer than 200 characters"),
    ],
)
def test_what_is_no_pattern_says_why(text: str, why: str) -> None:
    with pytest.raises(NoPattern, match=re.escape(why)):
        Pattern(text)
