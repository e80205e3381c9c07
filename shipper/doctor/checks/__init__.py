"""The conditions of a deploy: what was seen → what there is to say of it. PURE.

One function for each condition, in the module of its kind: `here` (this machine and the project), `settings` (what the
config says against itself), `way` (to a server), `machine`, `docker` and `service` (there). Its name is the name of the
check. What is seen stands in `facts`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from shipper.errors import ShipperError

HERE = "here"
"""Instead of a host, for what concerns this machine and the project."""


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"
    """Good to know."""
    WARNING = "warning"
    """A deploy may work, but something else does not, or not for long, or somebody wants none."""
    PROBLEM = "problem"
    """A deploy would fail, or what it should have brought does not serve."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check says of one host."""

    host_name: str
    """`HERE` for this machine and the project."""
    check: str
    level: Level
    what: str
    next: str = ""
    """How to mend it; never empty for a warning or a problem."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    level: Level
    what: str
    next: str = ""


Facts = TypeVar("Facts")
Verdicts = Iterator[Verdict]


def ok(what: str) -> Verdict:
    return Verdict(level=Level.OK, what=what)


def note(what: str, next: str = "") -> Verdict:
    return Verdict(level=Level.NOTE, what=what, next=next)


def warning(what: str, next: str) -> Verdict:
    return Verdict(level=Level.WARNING, what=what, next=next)


def problem(what: str, next: str) -> Verdict:
    return Verdict(level=Level.PROBLEM, what=what, next=next)


def judged(host_name: str, facts: Facts, checks: Iterable[Callable[[Facts], Verdicts]]) -> Iterator[Finding]:
    """What these checks say; each is named after its function."""
    for check in checks:
        for verdict in check(facts):
            name = check.__name__.replace("_", " ")
            yield Finding(host_name=host_name, check=name, level=verdict.level, what=verdict.what, next=verdict.next)


def failed(host_name: str, check: str, error: ShipperError, *, otherwise: str) -> Finding:
    """A look that could not be had; `otherwise` is what to do where the error does not say it."""
    what = error.what.removeprefix(f"{host_name}: ")
    next = error.next or otherwise
    return Finding(host_name=host_name, check=check, level=Level.PROBLEM, what=what, next=next)
