"""What pydantic finds wrong with a value → what is said of it, with the nearest right word. PURE."""

import difflib
import re
import typing
from collections.abc import Collection, Mapping
from types import NoneType

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]


def explained(details: ErrorDetails, path: Path, written: Mapping[str, str], schema: type[BaseModel]) -> str:
    """Of the value at a key path. `written` tells what stands in the file for a value that may be a secret."""
    given = details["input"]
    shown = f'"{written.get(given, given)}" ' if isinstance(given, str) else ""
    context = details.get("ctx", {})
    match details["type"]:
        case "extra_forbidden":
            known = [name for name in _fields_at(path[:-1], schema)]
            return "is not a key here" + did_you_mean(str(path[-1]), known, otherwise=f"; known: {', '.join(known)}")
        case "missing":
            return "is required"
        case "literal_error" | "enum":
            choices = re.findall("'(.*?)'", context["expected"])
            return f"{shown}is not one of {', '.join(choices)}" + did_you_mean(str(given), choices)
        case "tuple_type":
            return f"{shown}should be a list"
        case "dict_type" | "model_type":
            return f"{shown}should be a mapping"
        case "too_short":
            return f"should have at least {context['min_length']} item{'s' * (context['min_length'] > 1)}"
        case "value_error":
            return f"{shown}{context['error']}"
        case _:
            return shown + details["msg"].replace("Input should be", "should be")


def did_you_mean(given: str, known: Collection[str], otherwise: str = "") -> str:
    """PURE. What ends the complaint about a word that is not one of those known: the nearest, else `otherwise`."""
    nearest = difflib.get_close_matches(given, known, n=1)
    return f'; did you mean "{nearest[0]}"?' if nearest else otherwise


def _fields_at(path: Path, schema: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of the section that stands at this key path."""
    fields = schema.model_fields
    section: object = schema
    for part in path:
        field = fields.get(str(part))
        section = _section_in(field.annotation) if field else section
        fields = section.model_fields if isinstance(section, type) and issubclass(section, BaseModel) else {}
    return fields


def _section_in(annotation: object) -> object:
    """The one section that `Section | None`, `dict[str, Section]` and the like speak of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_section_in(part) for part in typing.get_args(annotation) if part is not NoneType)
    return next((section for section in found if section is not None), None)
