"""What stands behind a command → what is asked for, or what is still missing, or what is wrong with it: PURE.

    /deploy staging 133c5e1 → Request(verb=DEPLOY, environment="staging", version="133c5e1")

A first word that is the name of an environment is that. Where it is left out, and the person may use exactly one for
this verb, it is that one; with more than one it is missing, and asked for: production is never what nobody said.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import shipper
from opsbot.access import Person, environments_for, may
from opsbot.verbs import Verb

LATEST = "latest"
LINES = 100
MOST_LINES = 10_000
USAGE = {
    Verb.DEPLOY: "/deploy [environment] SHA|latest [force REASON]",
    Verb.PLAN: "/plan [environment] [SHA|latest]",
    Verb.ROLLBACK: "/rollback [environment] [release]",
    Verb.ABORT: "/abort [environment]",
    Verb.STATUS: "/status [environment]",
    Verb.RELEASES: "/releases [environment]",
    Verb.HISTORY: "/history [environment]",
    Verb.LOGS: "/logs [environment] role [lines] [what to find]",
    Verb.ENV: "/env [environment]",
    Verb.LOCK: "/lock [environment] reason [2h]",
    Verb.UNLOCK: "/unlock [environment]",
    Verb.RESTART: "/restart [environment] role",
}
"""For each verb that is a command."""
_SHA = r"[0-9a-f]{7,40}"
_ROLE = r"[a-z0-9][a-z0-9_-]{0,39}"


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
class Mistake:
    """Said to whoever wrote it."""

    complaint: str
    usage: str

    def __str__(self) -> str:
        return f"{self.complaint}\n{self.usage}"


@dataclass(frozen=True, kw_only=True)
class Refused:
    """They may not do that: for the journal, too."""

    verb: Verb
    environment: str = ""
    """Empty: in none."""
    is_elsewhere: bool = False
    """They may, but not in this chat."""


Answer = Request | Missing | Mistake | Refused


class _Misread(Exception):
    pass


def parse(verb: Verb, text: str, person: Person, here: Sequence[str]) -> Answer:
    """`text` is what stands behind the command, `here` the environments that this chat may be about."""
    word, rest = _cut(text)
    environment = word.lower() if word.lower() in person.ranks else ""
    try:
        request = _READERS[verb](Request(verb=verb, environment=environment), rest if environment else text.strip())
    except _Misread as misread:
        return Mistake(complaint=str(misread), usage=USAGE[verb])
    return completed(request, person, here)


def completed(request: Request, person: Person, here: Sequence[str]) -> Request | Missing | Refused:
    """What is still missing of it, or whether they may."""
    verb = request.verb
    usable = tuple(name for name in environments_for(person, verb) if name in here)
    if not request.environment:
        if len(usable) > 1:
            return Missing(what=What.ENVIRONMENT, request=request, environments=usable)
        if not usable:
            return Refused(verb=verb, is_elsewhere=bool(environments_for(person, verb)))
        request = replace(request, environment=usable[0])
    if request.environment not in usable:
        is_elsewhere = may(person, request.environment, verb)
        return Refused(verb=verb, environment=request.environment, is_elsewhere=is_elsewhere)
    if request.force_reason and not may(person, request.environment, Verb.FORCE):
        return Refused(verb=Verb.FORCE, environment=request.environment)
    what = _missing(request)
    return Missing(what=what, request=request) if what else request


def answered(missing: Missing, value: str, person: Person, here: Sequence[str]) -> Answer:
    """What a button says that answers the question what is missing."""
    request, what = missing.request, missing.what
    try:
        match what:
            case What.ENVIRONMENT:
                request = replace(request, environment=value)
            case What.VERSION:
                request = replace(request, version=_version(value))
            case What.RELEASE:
                request = replace(request, release=_release(value))
            case What.ROLE:
                request = replace(request, role=_role(value))
    except _Misread as misread:
        return Mistake(complaint=str(misread), usage=USAGE[request.verb])
    return completed(request, person, here)


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


def _deploy(request: Request, text: str) -> Request:
    version, rest = _cut(text)
    if not version:
        return request
    request = replace(request, version=_version(version))
    if not rest:
        return request
    word, reason = _cut(rest)
    if word.lower() != "force":
        raise _Misread(f'"{word}" is one word too many: only `force` may follow, with a reason.')
    if not reason:
        raise _Misread("`force` needs a reason behind it, which is recorded.")
    return replace(request, force_reason=" ".join(reason.split()))


def _plan(request: Request, text: str) -> Request:
    version, rest = _cut(text)
    _refuse_more(rest)
    return replace(request, version=_version(version) if version else LATEST)


def _rollback(request: Request, text: str) -> Request:
    release, rest = _cut(text)
    _refuse_more(rest)
    return replace(request, release=_release(release)) if release else request


def _restart(request: Request, text: str) -> Request:
    role, rest = _cut(text)
    _refuse_more(rest)
    return replace(request, role=_role(role)) if role else request


def _logs(request: Request, text: str) -> Request:
    role, rest = _cut(text)
    if not role:
        return request
    request = replace(request, role=_role(role))
    word, behind = _cut(rest)
    if re.fullmatch(r"\d{1,9}", word):
        if not 1 <= int(word) <= MOST_LINES:
            raise _Misread(f"{word} lines cannot be had: 1 to {MOST_LINES}.")
        request, rest = replace(request, lines=int(word)), behind
    return replace(request, grep=_pattern(rest))


def _lock(request: Request, text: str) -> Request:
    words = text.split()
    if words and re.fullmatch(r"\d+(\.\d+)?(s|m|h)", words[-1].lower()):
        request = replace(request, seconds=shipper.seconds_of(words.pop().lower()))
    if not words:
        raise _Misread("A lock needs a reason, which is shown to whoever wants to deploy.")
    return replace(request, reason=" ".join(words))


def _nothing_else(request: Request, text: str) -> Request:
    _refuse_more(text)
    return request


_READERS = {
    Verb.DEPLOY: _deploy,
    Verb.PLAN: _plan,
    Verb.ROLLBACK: _rollback,
    Verb.ABORT: _nothing_else,
    Verb.STATUS: _nothing_else,
    Verb.RELEASES: _nothing_else,
    Verb.HISTORY: _nothing_else,
    Verb.LOGS: _logs,
    Verb.ENV: _nothing_else,
    Verb.LOCK: _lock,
    Verb.UNLOCK: _nothing_else,
    Verb.RESTART: _restart,
}


def _cut(text: str) -> tuple[str, str]:
    """The first word, and what follows it."""
    word, _, rest = re.sub(r"\s", " ", text.strip(), count=1).partition(" ")
    return word, rest.strip()


def _refuse_more(text: str) -> None:
    if text:
        raise _Misread(f'"{_cut(text)[0]}" is one word too many, or no environment.')


def _version(word: str) -> str:
    if not re.fullmatch(rf"{LATEST}|{_SHA}", word.lower()):
        raise _Misread(f'"{word}" is neither an environment nor a commit: 7 to 40 digits of its SHA, or `latest`.')
    return word.lower()


def _release(word: str) -> int:
    if not re.fullmatch(r"#?\d{1,9}", word):
        raise _Misread(f'"{word}" is neither an environment nor the number of a release.')
    return int(word.lstrip("#"))


def _role(word: str) -> str:
    if not re.fullmatch(_ROLE, word.lower()):
        raise _Misread(f'"{word}" is neither an environment nor the name of a role.')
    return word.lower()


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise _Misread(f'"{text}" is no regular expression: {error.msg}.') from None
    return text
