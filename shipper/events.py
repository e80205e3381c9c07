"""What happened, as frozen data. Words and colours are the reporters' business."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from shipper.model.outcome import AccessoryEnd, Outcome
from shipper.planning.facts import Facts


@dataclass(frozen=True, kw_only=True)
class Warned:
    """Something that does not stop us, yet should be known."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Connected:
    host_name: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Planned:
    service: str
    lines: tuple[str, ...]
    facts: Facts
    is_empty: bool = False
    """There is nothing to do."""
    proof: str = ""
    """Where its image is proven, if the config asks for that; it stands in `lines` too."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """A line that the builder wrote."""

    step: str
    line: str


@dataclass(frozen=True, kw_only=True)
class StepStarted:
    step: str
    host_name: str
    role_name: str
    because: str


@dataclass(frozen=True, kw_only=True)
class StepProgressed:
    """`total` is 0 while it is not known; `unit` is "bytes", "line" or "probes"."""

    step: str
    host_name: str
    role_name: str
    done: int
    total: int
    unit: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class StepFinished:
    step: str
    host_name: str
    role_name: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class StepFailed:
    step: str
    host_name: str
    role_name: str
    seconds: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class StepUndone:
    step: str
    host_name: str
    role_name: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Called:
    """One call to a server, for `-v`."""

    host_name: str
    call: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """The end of `shipper push`."""

    image_name: str
    digest: str
    """By which `shipper deploy --digest` deploys just this image: the registry's, else the image's id."""
    places: tuple[str, ...]
    """Where the image is now: the registry, or all hosts of the config."""
    reached: tuple[str, ...]
    """Those of them that did not have it before."""


@dataclass(frozen=True, kw_only=True)
class AccessoriesEnded:
    """The end of `shipper accessory boot` and `restart`."""

    service: str
    command: str
    ends: tuple[AccessoryEnd, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Ended:
    service: str
    outcome: Outcome


Event = (
    Warned
    | Connected
    | Planned
    | Output
    | StepStarted
    | StepProgressed
    | StepFinished
    | StepFailed
    | StepUndone
    | Called
    | Pushed
    | AccessoriesEnded
    | Ended
)
Tell = Callable[[Event], None]
Told = TypeVar("Told", bound=Event | Outcome)


def masked(event: Told, mask: Callable[[str], str]) -> Told:
    """The same event or outcome with every text in it masked."""
    return _replaced(event, mask)  # type: ignore[no-any-return]  # it keeps the type that it was given


def _replaced(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return value if isinstance(value, Enum) else mask(value)
    if isinstance(value, tuple):
        items = tuple(_replaced(item, mask) for item in value)
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _with_fields_replaced(value, mask)
    return value


def _with_fields_replaced(noun: Any, mask: Callable[[str], str]) -> Any:
    """The noun itself where nothing in it is masked, as nearly always."""
    changed = {
        name: new
        for name in _field_names(noun.__class__)
        if (new := _replaced(value := getattr(noun, name), mask)) is not value
    }
    return dataclasses.replace(noun, **changed) if changed else noun


@functools.cache
def _field_names(noun: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(noun))


def as_json(value: Any, *, private: bool = False) -> Any:
    """Events and nouns as JSON knows them, with or without what is for the record on the server only."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, (tuple, list)):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (field for field in dataclasses.fields(value) if private or not field.metadata.get("private"))
        return {field.name: as_json(getattr(value, field.name), private=private) for field in fields}
    return value
