"""Reads files such as deploy.yaml: text → YAML, overlays laid over it → values → what a schema makes of them.

Every value keeps its place, so that a mistake is reported with the file and line where it stands.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shipper.config.complaints import Path, explained
from shipper.config.yaml_values import Beside, Mistake, Reader, nothing_beside
from shipper.errors import ConfigError

Kind = TypeVar("Kind", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Document:
    """What stands in files that were laid over each other."""

    values: dict[str | int, object]
    hollow: set[Path]
    """Where a value stands that could not be made out."""


def read_document(texts: Mapping[str, str], environ: Mapping[str, str], *, beside: Beside = nothing_beside) -> Document:
    """What can be read of these files, whatever is wrong in them."""
    reader = Reader(environ, beside)
    values = reader.read_all(texts)
    return Document(values=values, hollow=reader.hollow)


def parse_document(
    schema: type[Kind], texts: Mapping[str, str], environ: Mapping[str, str], *, beside: Beside = nothing_beside
) -> Kind:
    """What the schema makes of these files ({name: text}, each laid over the ones before it).

    A validator finds in its `info.context` all values as they are written. `${NAME}`, `${NAME:-default}` and
    `${NAME:+text where it is set}` come from `environ`, then from what is `beside` it.
    Raises ConfigError with every mistake that is in them.
    """
    reader = Reader(environ, beside)
    merged = reader.read_all(texts)
    if not reader.is_readable:
        raise _mistaken(reader.mistakes)
    values = {key: value for key, value in merged.items() if not str(key).startswith("x-")}
    try:
        parsed = schema.model_validate(values, context=values)
    except ValidationError as error:
        raise _mistaken([*reader.mistakes, *_mistakes_of(error.errors(), schema, reader)]) from None
    if reader.mistakes:
        raise _mistaken(reader.mistakes)
    return parsed


def _mistakes_of(errors: list[ErrorDetails], schema: type[BaseModel], reader: Reader) -> Iterator[Mistake]:
    for details in errors:
        path: Path = tuple(part for part in details["loc"] if part != "[key]")
        is_follow_up = details["type"] == "too_short" and any(
            other["loc"][: len(path)] == path and len(other["loc"]) > len(path) for other in errors
        )
        if details["type"] != "missing":
            path = reader.written_part(path)
        if path in reader.hollow or is_follow_up:
            continue
        if details["type"] == "contradiction":
            for key, complaint in details["ctx"]["found"]:
                whole = (*path, *(_split_key(key) if isinstance(key, str) else key))
                yield Mistake(*reader.place(whole), whole, complaint)
        else:
            yield Mistake(*reader.place(path), path, explained(details, path, reader.written, schema))


def _split_key(key: str) -> list[str]:
    """A file's path may itself hold dots: `roles.web.files./etc/app.conf.secret`."""
    head, found, tail = key.partition(".files.")
    if not found:
        return key.split(".") if key else []
    path, _, last = tail.rpartition(".")
    return [*head.split("."), "files", path, last]


def _mistaken(mistakes: list[Mistake]) -> ConfigError:
    ordered = sorted(
        set(mistakes), key=lambda mistake: (mistake.file, mistake.line, str(mistake.path), mistake.complaint)
    )
    return ConfigError("\n".join(str(mistake) for mistake in ordered), now="Nothing was done.")
