"""PURE: what is known of commits: who made them, how they compare, what CI says of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MOST_SUBJECTS = 10
"""Of a comparison: what people read before they press a button."""
_GOOD = ("success", "neutral", "skipped")


@dataclass(frozen=True, kw_only=True)
class Commit:
    """Texts are those of whoever made it: whoever shows them escapes them."""

    sha: str
    subject: str
    author: str
    at: datetime
    url: str
    """Where people look at it."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What comes, and what goes, on the way from one commit to another."""

    added: int
    removed: int
    """Commits that the first has, and the second has not."""
    commits: tuple[Commit, ...]
    """The newest first, no more than MOST_SUBJECTS: those added, or where none is, those removed."""

    @property
    def is_backwards(self) -> bool:
        return self.removed > 0 and self.added == 0


class Verdict(StrEnum):
    GREEN = "green"
    RED = "red"
    PENDING = "pending"
    """Nothing has failed yet."""
    NONE = "none"
    """No CI has said anything."""


@dataclass(frozen=True, kw_only=True)
class Check:
    name: str
    url: str
    """Where people see why; empty where CI gave none."""


@dataclass(frozen=True, kw_only=True)
class Checks:
    """What CI says of a commit."""

    verdict: Verdict
    failed: tuple[Check, ...] = ()
    waiting: tuple[Check, ...] = ()
    """Those that have not ended."""


def checks_of(states: Mapping[Check, str]) -> Checks:
    waiting = tuple(check for check, state in states.items() if state == "pending")
    failed = tuple(check for check, state in states.items() if state not in ("pending", *_GOOD))
    if not states:
        return Checks(verdict=Verdict.NONE)
    verdict = Verdict.RED if failed else Verdict.PENDING if waiting else Verdict.GREEN
    return Checks(verdict=verdict, failed=failed, waiting=waiting)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What GitHub says, where it is configured."""

    checks: Checks | None = None
    comparison: Comparison | None = None
    problem: str = ""
    """Why it does not tell."""
    awaits_checks: bool = False
    """It has not answered yet what CI says."""

    @property
    def is_red(self) -> bool:
        return self.checks is not None and self.checks.verdict is Verdict.RED
