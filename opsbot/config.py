"""The schema of config/opsbot.yaml: environments, people, chats. The manual is that file of this repository.

An id of 0 is nobody: the entry is as if it were not there, so that an id may come from a variable that is not set yet.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

import shipper
from opsbot.fields import (
    EVERYWHERE,
    Approvals,
    ChatId,
    Destination,
    EnvironmentName,
    GroupId,
    KnownEnvironment,
    May,
    Pause,
    Percent,
    PersonName,
    SendingTopic,
    Topic,
    UserId,
)
from opsbot.verbs import VERBS, Rank, Verb

FOR_NOBODY = "nobody may do anything: give one of `people` an id that is not 0, in the file or by its variable"

KeyPath = tuple[str | int, ...]
Complaint = tuple[KeyPath, str]


class Environment(shipper.Section):
    destination: Destination | None = None
    """Whose deploy.NAME.yaml is laid over deploy.yaml; nothing is if absent."""
    approvals: Approvals = 0
    """How many people beside the one who asks must agree before something is done."""
    confirm_within: shipper.Duration = 300.0
    """How long the buttons of a plan can be pressed."""
    freeze_after_rollback: bool = True
    """Nothing is deployed after a rollback until somebody lifts that."""


class PersonEntry(shipper.Section):
    id: UserId
    """The number of the account."""
    may: May
    """Ranks, for each environment; `*` for all of them."""

    def ranks_in(self, environment_name: str) -> frozenset[Rank]:
        return frozenset((*self.may.get(EVERYWHERE, ()), *self.may.get(environment_name, ())))


class Chat(shipper.Section):
    id: GroupId
    """The number of the group."""
    topic: Topic | None = None
    """Of a group that has topics: only there (1 is General); anywhere in the group if absent."""
    environments: Annotated[tuple[KnownEnvironment, ...], Field(min_length=1)] | None = None
    """The only ones that commands there may be about; all if absent."""


class Watch(shipper.Section):
    every: Pause = 60.0
    """How often all servers are looked at."""
    chat: ChatId
    """Which chat is told: a group's number, or a person's."""
    topic: SendingTopic | None = None
    """Of a group that has topics; in General if absent."""
    disk: Percent = 90
    """How full a disk may be, in per cent."""


class Github(shipper.Section):
    repository: Annotated[str, shipper.matching(r"[\w.-]+/[\w.-]+", "is not OWNER/NAME")]
    branch: str = "main"
    """Whose newest commit is `latest`, and whose commits are offered."""
    api: Annotated[str, shipper.matching(r"https?://\S+", "should begin with https://")] = "https://api.github.com"
    """Another one's for GitHub Enterprise: https://HOST/api/v3"""


class Limits(shipper.Section):
    commands_per_minute: Annotated[int, Field(ge=1)] = 20
    """Of one person, buttons included."""


class Config(shipper.Section):
    environments: Annotated[dict[EnvironmentName, Environment], Field(min_length=1)]
    """In the order in which they are offered."""
    people: dict[PersonName, PersonEntry]
    """All others get silence."""
    chats: tuple[Chat, ...] = ()
    """Groups where commands are taken, beside the private chats of `people`."""
    watch: Watch | None = None
    """Nothing is watched if absent."""
    github: Github | None = None
    """Where commits, and what CI says of them, come from; nothing is asked if absent."""
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = [
            *self._same_destinations(),
            *self._same_ids(),
            *self._same_chats(),
            *self._nobody_to_approve(),
        ]
        if found:
            raise shipper.contradictions(found)
        return self

    def _same_destinations(self) -> Iterator[Complaint]:
        taken: dict[str | None, str] = {}
        for name, environment in self.environments.items():
            first = taken.setdefault(environment.destination, name)
            if first != name:
                called = f"the destination {environment.destination}" if environment.destination else "no destination"
                yield ("environments", name, "destination"), f"{first} has {called} too: they would be the same"

    def _same_ids(self) -> Iterator[Complaint]:
        taken: dict[int, str] = {}
        for name, person in self.people.items():
            first = taken.setdefault(person.id, name)
            if person.id and first != name:
                yield ("people", name, "id"), f"is the id of {first} too"

    def _same_chats(self) -> Iterator[Complaint]:
        taken: dict[tuple[int, int | None], int] = {}
        for index, chat in enumerate(self.chats):
            first = taken.setdefault((chat.id, chat.topic), index)
            if chat.id and first != index:
                yield ("chats", index, "id"), "is given twice: with the same topic, or twice without one"

    def _nobody_to_approve(self) -> Iterator[Complaint]:
        for name, environment in self.environments.items():
            asking, approving = self._who_may(Verb.DEPLOY, name), self._who_may(Verb.APPROVE, name)
            if environment.approvals and asking and not any(approving - {person_id} for person_id in asking):
                yield (
                    ("environments", name, "approvals"),
                    "nobody may approve there what another one asks for: make one of `people` an approver",
                )

    def _who_may(self, verb: Verb, environment_name: str) -> set[int]:
        people = (person for person in self.people.values() if person.id)
        return {p.id for p in people if any(verb in VERBS[rank] for rank in p.ranks_in(environment_name))}


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Raises shipper.ConfigError, with every mistake that is in the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise shipper.ConfigError(f"{path}: there is no such file.", next="OPSBOT_CONFIG says where it is.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise shipper.ConfigError(f"{path} cannot be read: {error}") from None
    return _without_nobody(shipper.parse_document(Config, {str(path): text}, environ))


def _without_nobody(config: Config) -> Config:
    return config.model_copy(
        update={
            "people": {name: person for name, person in config.people.items() if person.id},
            "chats": tuple(chat for chat in config.chats if chat.id),
            "watch": config.watch if config.watch and config.watch.chat else None,
        }
    )


def json_schema() -> dict[str, Any]:
    """JSON Schema of opsbot.yaml, for editors."""
    return shipper.json_schema(Config, title="opsbot: config/opsbot.yaml")
