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
class Request:
    """Empty is what its verb has no use for."""

    verb: Verb
    environment: str = ""
    version: str = ""
    """The SHA of a commit, 7 to 40 hexadecimal digits, or `latest`."""
    force_reason: str = ""
    """Why a commit that CI calls red is deployed; needs the verb FORCE."""
    release: int | None = None
    role: str = ""
    lines: int = LINES
    grep: str = ""
    """A regular expression."""
    reason: str = ""
    seconds: float | None = None
    """How long a lock holds; until it is lifted if absent."""


@dataclass(frozen=True, kw_only=True)
class Missing:
    what: What
    request: Request
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


def completed(request: Request, person: Person, here: Sequence[str]) -> Request | Missing | Refused:
    """What is still missing of it, or whether they may."""
    verb = request.verb
    allowed = environments_for(person, verb)
    usable = tuple(name for name in allowed if name in here)
    if not request.environment:
        if not usable:
            return Refused(verb=verb, is_elsewhere=bool(allowed))
        if len(allowed) > 1:  # also where this chat is about one only: nobody is to deploy by mistaking a chat
            return Missing(what=What.ENVIRONMENT, request=request, environments=usable)
        request = replace(request, environment=usable[0])
    if request.environment not in usable:
        return Refused(verb=verb, environment=request.environment, is_elsewhere=request.environment in allowed)
    if request.force_reason and not may(person, request.environment, Verb.FORCE):
        return Refused(verb=Verb.FORCE, environment=request.environment)
    what = _missing(request)
    return Missing(what=what, request=request) if what else request


def _missing(request: Request) -> What | None:
    match request.verb:
        case Verb.DEPLOY if not request.version:
            return What.VERSION
        case Verb.ROLLBACK if request.release is None:
            return What.RELEASE
        case Verb.LOGS | Verb.RESTART if not request.role:
            return What.ROLE
        case _:
            return None
