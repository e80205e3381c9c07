"""PURE: what values of opsbot.yaml may be: numbers of people, groups and topics, names, ranks, parts of a disk."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

import shipper
from opsbot.verbs import Rank

NOBODY = {
    777000: "Telegram's own, which passes on what a channel says",
    1087968824: "that of all anonymous admins of groups",
    136817688: "that of all who write in a channel's name",
}
"""Ids that many people have in common: https://core.telegram.org/bots/api#message (`from`)."""
RESERVED = ("latest", "force")
EVERYWHERE = "*"
GENERAL = 1
"""The number of that topic in links; its messages carry none."""
_NUMBER = {"type": ["integer", "string"], "pattern": r"^-?\d+$|\$\{"}
_RANKS = {"enum": [*Rank]}
_RANK_LIST = {"anyOf": [_RANKS, {"type": "array", "items": _RANKS, "minItems": 1}]}
_MAY = {"anyOf": [*_RANK_LIST["anyOf"], {"type": "object", "additionalProperties": _RANK_LIST}]}
_LEAST_PAUSE = 1.0


def _number(value: object) -> int:
    text = str(value)
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError(
            "is not a number: names change hands, so give the id. @userinfobot tells it, "
            "and the line that opsbot logs when a stranger writes to it"
        )
    return int(text)


def _of_person(value: int) -> int:
    if value < 0:
        raise ValueError("is the id of a group: groups stand under `chats`")
    if value in NOBODY:
        raise ValueError(f"is an id of nobody: {NOBODY[value]}")
    return value


def _of_group(value: int) -> int:
    if value > 0:
        raise ValueError("is no group's, those are negative; the private chats of `people` are always allowed")
    return value


def _not_reserved(value: str) -> str:
    if value in RESERVED:
        raise ValueError("is a word of the commands, so no environment can have it as its name")
    return value


def _known(value: str, info: ValidationInfo) -> str:
    """Checked here, where it stands, so that it is told along with all other mistakes."""
    environments = (info.context or {}).get("environments")
    names = [*environments] if isinstance(environments, dict) else []
    if names and value not in names:
        known = f"; there are: {', '.join(names)}"
        raise ValueError("is not one of the environments" + shipper.did_you_mean(value, names, otherwise=known))
    return value


def _known_or_all(value: str, info: ValidationInfo) -> str:
    return value if value == EVERYWHERE else _known(value, info)


def _percent(value: object) -> int:
    match = re.fullmatch(r"(\d{1,2}|100)\s*%", str(value))
    if not match or not int(match[1]):
        raise ValueError("is not a part of the disk such as 90%")
    return int(match[1])


def _not_too_often(value: float) -> float:
    if value < _LEAST_PAUSE:
        raise ValueError(f"is less than {_LEAST_PAUSE:.0f}s, and each look asks every server")
    return value


def _none_for_general(value: int) -> int | None:
    """Telegram knows the topic General by no number when something is sent there."""
    return None if value == GENERAL else value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _by_environment(value: object) -> object:
    """`may: admin` and `may: [deployer, approver]` are about every environment."""
    return value if isinstance(value, dict) else {EVERYWHERE: value}


EnvironmentName = Annotated[
    str,
    shipper.matching(r"[a-z][a-z0-9-]{0,20}", "must be 1 to 21 of a-z, 0-9 and -, and begin with a letter"),
    AfterValidator(_not_reserved),
]
Destination = Annotated[str, shipper.matching(r"[a-z0-9][a-z0-9-]{0,20}", "must be 1 to 21 of a-z, 0-9 and -")]
KnownEnvironment = Annotated[str, AfterValidator(_known)]
PersonName = Annotated[str, shipper.matching(r"\w[\w -]{0,39}", "must be 1 to 40 letters, digits, spaces, - and _")]
UserId = Annotated[int, BeforeValidator(_number), AfterValidator(_of_person), WithJsonSchema(_NUMBER)]
GroupId = Annotated[int, BeforeValidator(_number), AfterValidator(_of_group), WithJsonSchema(_NUMBER)]
Topic = Annotated[int, Field(ge=1), WithJsonSchema(_NUMBER)]
ChatId = Annotated[int, BeforeValidator(_number), WithJsonSchema(_NUMBER)]
"""Of a group, or of a person."""
SendingTopic = Annotated[Topic, AfterValidator(_none_for_general)]
Approvals = Annotated[int, Field(ge=0, le=1), WithJsonSchema(_NUMBER)]
Pause = Annotated[shipper.Duration, AfterValidator(_not_too_often)]
Percent = Annotated[int, BeforeValidator(_percent), WithJsonSchema({"type": "string", "pattern": r"^\d+\s*%$"})]
Ranks = Annotated[tuple[Rank, ...], BeforeValidator(_as_list), Field(min_length=1)]
May = Annotated[
    dict[Annotated[str, AfterValidator(_known_or_all)], Ranks], BeforeValidator(_by_environment), WithJsonSchema(_MAY)
]
