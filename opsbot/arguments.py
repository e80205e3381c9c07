"""What stands behind a command → what is asked for, or what is still missing, or what is wrong with it: PURE.

    /deploy staging 133c5e1 → Command(verb=DEPLOY, environment="staging", version="133c5e1")

A first word that is the name of an environment is that. Where it is left out, and the person may use exactly one for
this verb, it is that one; with more than one it is missing, and asked for: production is never what nobody said.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import shipper
from opsbot import patterns
from opsbot.access import Person
from opsbot.command import LATEST, Command, Missing, Refused, What, completed
from opsbot.patterns import NoPattern
from opsbot.verbs import Verb

MOST_LINES = 10_000
MOST_SHOWN = 100
"""Characters of what makes no sense."""
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


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """Said to whoever wrote it."""

    complaint: str
    usage: str


Reading = Command | Missing | Mistake | Refused


class _Misread(Exception):
    """A word that cannot be what it should be."""

    def __init__(self, complaint: str, word: str = "") -> None:
        super().__init__(complaint)
        self.word = word


def parse(verb: Verb, text: str, person: Person, here: Sequence[str]) -> Reading:
    """`text` is what stands behind the command, `here` the environments that this chat may be about."""
    word, rest = _cut(text)
    environment = word.lower() if word.lower() in person.ranks else ""
    try:
        command = _READERS[verb](Command(verb=verb, environment=environment), rest if environment else text.strip())
    except _Misread as misread:
        nor = "" if environment or misread.word != word else _no_environment(word, person)
        return Mistake(complaint=f"{misread}{nor}", usage=USAGE[verb])
    return completed(command, person, here)


def _no_environment(word: str, person: Person) -> str:
    known = ", ".join(person.ranks)
    return ", and no environment" + shipper.did_you_mean(word.lower(), person.ranks, otherwise=f" either: {known}")


def answered(missing: Missing, value: str, person: Person, here: Sequence[str]) -> Reading:
    """What a button says that answers the question what is missing."""
    command, what = missing.command, missing.what
    try:
        match what:
            case What.ENVIRONMENT:
                command = replace(command, environment=value)
            case What.VERSION:
                command = replace(command, version=_version(value))
            case What.RELEASE:
                command = replace(command, release=_release(value))
            case What.ROLE:
                command = replace(command, role=_role(value))
    except _Misread as misread:
        return Mistake(complaint=str(misread), usage=USAGE[command.verb])
    return completed(command, person, here)


def _deploy(command: Command, text: str) -> Command:
    version, rest = _cut(text)
    if not version:
        return command
    command = replace(command, version=_version(version))
    if not rest:
        return command
    word, reason = _cut(rest)
    if word.lower() != "force":
        raise _Misread(f'"{word}" is one word too many: only force may follow, with a reason', word)
    if not reason:
        raise _Misread("force needs a reason behind it, which is recorded")
    return replace(command, force_reason=" ".join(reason.split()))


def _plan(command: Command, text: str) -> Command:
    version, rest = _cut(text)
    _refuse_more(rest)
    return replace(command, version=_version(version) if version else LATEST)


def _rollback(command: Command, text: str) -> Command:
    release, rest = _cut(text)
    _refuse_more(rest)
    return replace(command, release=_release(release)) if release else command


def _restart(command: Command, text: str) -> Command:
    role, rest = _cut(text)
    _refuse_more(rest)
    return replace(command, role=_role(role)) if role else command


def _logs(command: Command, text: str) -> Command:
    role, rest = _cut(text)
    if not role:
        return command
    command = replace(command, role=_role(role))
    word, behind = _cut(rest)
    if re.fullmatch(r"\d{1,9}", word):
        if not 1 <= int(word) <= MOST_LINES:
            raise _Misread(f"{word} lines cannot be had: 1 to {MOST_LINES}")
        command, rest = replace(command, lines=int(word)), behind
    return replace(command, grep=_pattern(rest))


def _lock(command: Command, text: str) -> Command:
    words = text.split()
    if words and re.fullmatch(r"\d{1,6}(\.\d{1,3})?(s|m|h)", words[-1].lower()):
        command = replace(command, seconds=shipper.seconds_of(words.pop().lower()))
    if not words:
        raise _Misread("a lock needs a reason, which is shown to whoever wants to deploy")
    return replace(command, reason=" ".join(words))


def _nothing_else(command: Command, text: str) -> Command:
    _refuse_more(text)
    return command


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
        word, _ = _cut(text)
        raise _Misread(f'"{word}" is one word too many', word)


def _version(word: str) -> str:
    if not re.fullmatch(rf"{LATEST}|{_SHA}", word.lower()):
        raise _Misread(f'"{word}" is no commit (7 to 40 digits of its SHA, or latest)', word)
    return word.lower()


def _release(word: str) -> int:
    if not re.fullmatch(r"#?\d{1,9}", word):
        raise _Misread(f'"{word}" is not the number of a release', word)
    return int(word.lstrip("#"))


def _role(word: str) -> str:
    if not re.fullmatch(_ROLE, word.lower()):
        raise _Misread(f'"{word}" cannot be the name of a role', word)
    return word.lower()


def _pattern(text: str) -> str:
    try:
        patterns.compiled(text)
    except NoPattern as error:
        raise _Misread(f'"{text[:MOST_SHOWN]}" is no regular expression: {error}') from None
    return text
