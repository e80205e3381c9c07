"""What the schemas of our files are made of: kinds of values, sections of keys, and how a validator tells a mistake."""

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from shipper.errors import UsageError

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_LEAST_MEMORY = 6 * 1024**2  # dockerd refuses less: https://docs.docker.com/engine/containers/resource_constraints/


def _duration(value: object) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)", str(value))
    if not match:
        raise ValueError("is not a duration such as 500ms, 30s, 5m or 2h")
    return round(float(match[1]) * _SECONDS[match[2]], 6)


def written_duration(seconds: float) -> str:
    number, unit = (seconds, "s") if seconds >= 1 or seconds == 0 else (seconds * 1000, "ms")
    return f"{number:.6f}".rstrip("0").rstrip(".") + unit


def _size(value: object) -> int:
    match = re.fullmatch(r"(\d+)\s*([bkmg]?)b?", str(value).lower())
    if not match:
        raise ValueError("is not a size such as 512m or 2g")
    return int(match[1]) * _BYTES[match[2]]


def _memory(value: object) -> int:
    size = _size(value)
    if size < _LEAST_MEMORY:
        raise ValueError("is less than the 6m that Docker demands")
    return size


def _command(value: object) -> object:
    return ["/bin/sh", "-c", value] if isinstance(value, str) else value


def matching(pattern: str, complaint: str) -> AfterValidator:
    """A validator for the text of a Section's field."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(complaint)
        return value

    return AfterValidator(check)


_PORT = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
_ADDRESS = r"([\d.]+|\[[0-9a-fA-F:]+\])"

Duration = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(written_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h)$"}),
]
_SIZE_SCHEMA = WithJsonSchema({"type": ["string", "integer"], "pattern": r"^\d+\s*[bkmgBKMG]?[bB]?$"})
Size = Annotated[int, BeforeValidator(_size), _SIZE_SCHEMA]
Memory = Annotated[int, BeforeValidator(_memory), _SIZE_SCHEMA]
Command = Annotated[
    tuple[str, ...],
    BeforeValidator(_command),
    Field(min_length=1),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}}),
]
Text = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[
    str,
    matching(r"[a-z0-9][a-z0-9_-]{0,39}", "must be 1 to 40 of a-z, 0-9, - and _, and begin with a letter or digit"),
]
VariableName = Annotated[str, matching(r"[A-Za-z_][A-Za-z0-9_]*", "is not a name for an environment variable")]
Host = Annotated[
    str,
    matching(rf"([\w.-]+@)?([\w.-]+|{_ADDRESS})(:{_PORT})?", "is not name, user@name, name:port or user@[ipv6]:port"),
]
PublishedPort = Annotated[
    str, matching(rf"({_ADDRESS}:)?{_PORT}:{_PORT}(/(tcp|udp))?", "is not [address:]host_port:container_port[/udp]")
]
Volume = Annotated[
    str,
    matching(r"(/[^:]*|[a-zA-Z0-9][\w.-]*):/[^:]*(:(ro|rw))?", "is not volume_or_/folder:/path/inside[:ro]"),
]
HttpPath = Annotated[str, matching(r"/\S*", "must begin with /")]
AbsolutePath = Annotated[str, matching(r"/[^\0]*[^/\0]", "is not an absolute path of a file")]
TelegramChatId = Annotated[
    str,
    matching(r"-?[1-9]\d*|@[A-Za-z]\w{3,31}", 'is not the number of a chat, such as -1001234567890, or "@name"'),
    WithJsonSchema({"type": ["string", "integer"]}),
]
ApiAddress = Annotated[str, matching(r"https?://[^\s/?#@]+(/[^\s?#]*)?", "is not an address: https://api.example.org")]
FileMode = Annotated[str, matching(r"0?[0-7]{3}", "is not a mode such as 0444")]
FileOwner = Annotated[str, matching(r"\d+:\d+", "is not numeric uid:gid such as 1000:1000")]


class Section(BaseModel):
    """Keys and values of a file that `parse_document` reads: no others are taken."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, defer_build=True)


def contradictions(found: Sequence[tuple[str | tuple[str | int, ...], str]]) -> PydanticCustomError:
    """What a validator of a Section raises: each with the key, below the section, that is to be changed."""
    return PydanticCustomError(
        "contradiction", "{text}", {"text": "; ".join(text for _, text in found), "found": found}
    )


def contradiction(key: str, complaint: str) -> PydanticCustomError:
    """The same of one."""
    return contradictions([(key, complaint)])


def exactly_one(section: Section, *names: str) -> None:
    """For a validator of a Section whose keys exclude each other."""
    given = [name for name in names if getattr(section, name)]
    if len(given) != 1:
        raise contradiction(given[1] if given else "", f"needs exactly one of {', '.join(names)}")


def seconds_of(duration: str) -> float:
    """Seconds of 500ms, 30s, 5m or 2h. Raises UsageError."""
    try:
        return _duration(duration)
    except ValueError as error:
        raise UsageError(f'"{duration}" {error}') from None
