"""Who may do what, and where: PURE."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from opsbot.config import Config
from opsbot.fields import GENERAL, NOBODY
from opsbot.verbs import VERBS, Rank, Verb

_HOUR = 3600.0
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, kw_only=True)
class Person:
    id: int
    name: str
    ranks: Mapping[str, frozenset[Rank]]
    """For each environment, in the order of the config; none where they may do nothing."""


def who(config: Config, user_id: int | None) -> Person | None:
    """None is nobody: a stranger, or who hides behind a group or a channel."""
    if user_id is None or user_id in NOBODY:
        return None
    for name, entry in config.people.items():
        if entry.id == user_id:
            ranks = {environment_name: entry.ranks_in(environment_name) for environment_name in config.environments}
            return Person(id=user_id, name=name, ranks=ranks)
    return None


def may(person: Person, environment_name: str, verb: Verb) -> bool:
    return any(verb in VERBS[rank] for rank in person.ranks.get(environment_name, ()))


def environments_for(person: Person, verb: Verb) -> tuple[str, ...]:
    """In the order of the config."""
    return tuple(name for name in person.ranks if may(person, name, verb))


def approvers(config: Config, environment_name: str, asking_id: int) -> tuple[str, ...]:
    """Who may approve there what this person asks for."""
    people = (who(config, entry.id) for entry in config.people.values() if entry.id != asking_id)
    return tuple(person.name for person in people if person and may(person, environment_name, Verb.APPROVE))


def verbs_of(person: Person) -> frozenset[Verb]:
    """What they may do somewhere: for a menu."""
    return frozenset(verb for ranks in person.ranks.values() for rank in ranks for verb in VERBS[rank])


def environments_in(config: Config, chat_id: int, topic: int | None) -> tuple[str, ...]:
    """Those that commands in a chat may be about, in the order of the config; none where no command is taken.

    A chat with a person has the number of that person. A group may be listed several times, for its topics. `topic` is
    the `message_thread_id` of a message that says `is_topic_message`; others have none, those of General too.
    """
    if any(person.id == chat_id for person in config.people.values()):
        return tuple(config.environments)
    allowed = {
        name
        for chat in config.chats
        if chat.id == chat_id and chat.topic in (None, topic or GENERAL)
        for name in chat.environments or config.environments
    }
    return tuple(name for name in config.environments if name in allowed)


@dataclass(kw_only=True)
class RateLimit:
    """A bucket of tokens for each person: full at first, each command takes one, and a minute fills it."""

    per_minute: int
    _left: dict[int, tuple[float, float]] = field(default_factory=dict)
    """For each person: how many tokens there were, and when."""

    def allows(self, person_id: int, now: float) -> bool:
        """Takes a token, if there is one. `now` in seconds of a clock that never goes back."""
        tokens, at = self._left.get(person_id, (float(self.per_minute), now))
        tokens = min(float(self.per_minute), tokens + (now - at) * self.per_minute / 60)
        is_allowed = tokens >= 1
        self._left[person_id] = (tokens - is_allowed, now)
        return is_allowed


@dataclass(kw_only=True)
class Seldom:
    """What may be said of each stranger once an hour, however much they write."""

    _said_at: dict[Hashable, float] = field(default_factory=dict)

    def allows(self, about: Hashable, now: float) -> bool:
        """It is said then. `now` in seconds of a clock that never goes back."""
        if now - self._said_at.get(about, -math.inf) < _HOUR:
            return False
        if len(self._said_at) >= _MOST_REMEMBERED:
            self._said_at.clear()
        self._said_at[about] = now
        return True
