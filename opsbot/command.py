"""What somebody asks for, what it still lacks, and whether they may: PURE."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from opsbot.access import Person, environments_for, may
from opsbot.verbs import Verb

LATEST = "latest"
LINES = 100


class What(StrEnum):
    """What can be missing, and is asked with buttons."""

    ENVIRONMENT = "environment"
    VERSION = "version"
    RELEASE = "release"
    ROLE = "role"


@dataclass(frozen=True, kw_only=True)
class Command:
    """Empty is what its verb has no use for."""

    verb: Verb
    environment: str = ""
    version: str = ""
    """The SHA of a commit, 7 to 40 hexadecimal digits, or `latest`."""
    force_reason: str = ""
    """Why a commit is deployed that CI calls red, or that is not proven elsewhere; needs the verb FORCE."""
    release: int | None = None
    leaving: int | None = None
    """The release that a rollback is to lead away from, to the one before; nothing is done where another one serves."""
    role: str = ""
    lines: int = LINES
    grep: str = ""
    """A regular expression."""
    reason: str = ""
    seconds: float | None = None
    """How long a lock holds; until it is lifted if absent."""

    def is_same(self, other: "Command") -> bool:
        """A commit is the same by a part of its SHA."""
        one, another = self.version, other.version
        is_same_version = one == another or (
            bool(one and another) and (one.startswith(another) or another.startswith(one))
        )
        return is_same_version and replace(self, version=another) == other


@dataclass(frozen=True, kw_only=True)
class Missing:
    what: What
    command: Command
    """What is known of it."""
    environments: tuple[str, ...] = ()
    """Those to choose from, where it is the environment that is missing."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """They may not do that: for the journal, too."""

    verb: Verb
    environment: str = ""
    """Empty: in none."""
    is_elsewhere: bool = False
    """They may, but not in this chat."""


def completed(command: Command, person: Person, here: Sequence[str]) -> Command | Missing | Refused:
    """What is still missing of it, or whether they may."""
    verb = command.verb
    allowed = environments_for(person, verb)
    usable = tuple(name for name in allowed if name in here)
    if not command.environment:
        if not usable:
            return Refused(verb=verb, is_elsewhere=bool(allowed))
        if len(allowed) > 1:  # also where this chat is about one only: nobody is to deploy by mistaking a chat
            return Missing(what=What.ENVIRONMENT, command=command, environments=usable)
        command = replace(command, environment=usable[0])
    if command.environment not in usable:
        return Refused(verb=verb, environment=command.environment, is_elsewhere=command.environment in allowed)
    if command.force_reason and not may(person, command.environment, Verb.FORCE):
        return Refused(verb=Verb.FORCE, environment=command.environment)
    what = missing_of(command)
    return Missing(what=what, command=command) if what else command


def missing_of(command: Command) -> What | None:
    """Once the environment is known."""
    match command.verb:
        case Verb.DEPLOY if not command.version:
            return What.VERSION
        case Verb.ROLLBACK if command.release is None and command.leaving is None:
            return What.RELEASE
        case Verb.LOGS | Verb.RESTART if not command.role:
            return What.ROLE
        case _:
            return None
