"""Reads files such as deploy.yaml: text → YAML nodes, overlays laid over them → values → what a schema makes of them.

Every value keeps its place, so that a mistake is reported with the file and line where it stands. Scalars stay the text
that was written (`1.10` and `no` mean just that); the schema gives them their types.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shipper.config.complaints import Path, explained
from shipper.errors import ConfigError

Kind = TypeVar("Kind", bound=BaseModel)
_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])([^}]*))?\}|\$\{")

Beside = Callable[[Sequence[Mapping[str, str]]], Mapping[str, str]]
"""Given the topmost values of each file, as they are written: variables that count where the environment has none."""


def nothing_beside(written: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Mistake:
    file: str
    line: int
    path: Path
    complaint: str

    def __str__(self) -> str:
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")
        return f"{self.file}:{self.line}: {key + ': ' if key else ''}{self.complaint}"


@dataclass(frozen=True, kw_only=True)
class Document:
    """What stands in files that were laid over each other."""

    values: dict[str | int, object]
    hollow: set[Path]
    """Where a value stands that could not be made out."""


def read_document(texts: Mapping[str, str], environ: Mapping[str, str], *, beside: Beside = nothing_beside) -> Document:
    """What can be read of these files, whatever is wrong in them."""
    reader = _Reader(environ, beside)
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
    reader = _Reader(environ, beside)
    merged = reader.read_all(texts)
    if not reader.is_readable:
        raise _mistaken(reader.mistakes)
    values = {key: value for key, value in merged.items() if not str(key).startswith("x-")}
    try:
        parsed = schema.model_validate(values, context=values)
    except ValidationError as error:
        raise _mistaken([*reader.mistakes, *reader.mistakes_of(error.errors(), schema)]) from None
    if reader.mistakes:
        raise _mistaken(reader.mistakes)
    return parsed


def variables_in(texts: Mapping[str, str]) -> dict[str, bool]:
    """The variables that values in these YAML files hold, each with whether it must have a value there."""
    found: dict[str, bool] = {}
    for text in texts.values():
        for scalar in _scalars(yaml.compose(text, Loader=yaml.SafeLoader), set()):
            for name, sign, _ in _VARIABLE.findall(scalar):
                if name:
                    found[name] = found.get(name, False) or not sign
    return found


def _scalars(node: yaml.Node | None, seen: set[int]) -> Iterator[str]:
    """Each once, though aliases name it again."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield node.value
    else:
        for item in node.value:
            yield from _scalars(item[1] if isinstance(item, tuple) else item, seen)


def _mistaken(mistakes: list[Mistake]) -> ConfigError:
    ordered = sorted(
        set(mistakes), key=lambda mistake: (mistake.file, mistake.line, str(mistake.path), mistake.complaint)
    )
    return ConfigError("\n".join(str(mistake) for mistake in ordered), now="Nothing was done.")


def _lay_over(below: dict[str | int, object], above: dict[str | int, object]) -> dict[str | int, object]:
    """Mappings are merged key by key, and nothing takes one away; anything else replaces what is below it."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and value is None:
            del merged[key]
        else:
            merged[key] = _lay_over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


class _Reader:
    def __init__(self, environ: Mapping[str, str], beside: Beside) -> None:
        self.environ = environ
        self.beside = beside
        self.topmost: list[dict[str, str]] = []
        self.places: dict[Path, tuple[str, int]] = {}
        self.mistakes: list[Mistake] = []
        self.file = ""
        self.is_readable = True
        self.hollow: set[Path] = set()
        self.written: dict[str, str] = {}
        """For each value that the environment is in, which may be a secret, what stands in the file."""

    def read_all(self, texts: Mapping[str, str]) -> dict[str | int, object]:
        nodes = {file: node for file, text in texts.items() if (node := self._composed(file, text))}
        for node in nodes.values():
            pairs = [pair for pair in node.value if all(isinstance(each, yaml.ScalarNode) for each in pair)]
            self.topmost.append({key.value: value.value for key, value in pairs})
        merged: dict[str | int, object] = {}
        for self.file, node in nodes.items():
            merged = _lay_over(merged, self._mapping(node, (), frozenset()))
        return merged

    @cached_property
    def _beside_environ(self) -> Mapping[str, str]:
        """Looked for only where the environment lacks something."""
        return self.beside(self.topmost)

    def _composed(self, file: str, text: str) -> yaml.MappingNode | None:
        self.file = file
        self.places.setdefault((), (file, 1))
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._unreadable((mark.line + 1) if mark else 1, f"is not YAML: {error.problem}")
        except yaml.reader.ReaderError as error:
            self._unreadable(text.count("\n", 0, error.position) + 1, f"is not YAML: {error.reason}")
        else:
            if isinstance(node, yaml.MappingNode):
                return node
            self._unreadable(1, "must be a mapping of keys to values")
        return None

    def _unreadable(self, line: int, complaint: str) -> None:
        self.is_readable = False
        self._complain((), line, complaint)

    def _complain(self, path: Path, line: int, complaint: str) -> None:
        self.mistakes.append(Mistake(self.file, line, path, complaint))

    def _value(self, node: yaml.Node, path: Path, within: frozenset[int]) -> object:
        if id(node) in within:
            self.hollow.add(path)
            self._complain(path, self.places[path][1], "is an alias to something that contains it")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, within | {id(node)})
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self._item(item, (*path, index), within | {id(node)}) for index, item in items]
        is_null = node.tag == "tag:yaml.org,2002:null"
        return None if is_null else self._interpolated(node, path)

    def _item(self, node: yaml.Node, path: Path, within: frozenset[int]) -> object:
        self.places[path] = (self.file, node.start_mark.line + 1)
        return self._value(node, path, within)

    def _mapping(self, node: yaml.MappingNode, path: Path, within: frozenset[int]) -> dict[str | int, object]:
        values: dict[str | int, object] = {}
        merged: dict[str | int, object] = {}
        # what is merged comes first, so that the place of a key is where its own value stands
        for key_node, value_node in sorted(node.value, key=lambda pair: pair[0].tag != "tag:yaml.org,2002:merge"):
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(path, line, "a key must be text")
            elif key_node.tag == "tag:yaml.org,2002:merge":
                merged = self._merge_key(value_node, path, within) | merged
            elif key_node.value in values:
                self._complain((*path, key_node.value), line, "is given twice")
            else:
                self.places[(*path, key_node.value)] = (self.file, line)
                values[key_node.value] = self._value(value_node, (*path, key_node.value), within)
        return merged | values

    def _merge_key(self, node: yaml.Node, path: Path, within: frozenset[int]) -> dict[str | int, object]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str | int, object] = {}
        for source in reversed(sources):
            value = self._value(source, path, within)
            if isinstance(value, dict):
                merged = merged | value
            else:
                self._complain(path, source.start_mark.line + 1, "<< must name a mapping")
        return merged

    def _interpolated(self, node: yaml.Node, path: Path) -> str:
        def replacement(match: re.Match[str]) -> str:
            name, sign, text = match.groups()
            if match[0] == "$${":
                return "${"
            if name is None:
                self.hollow.add(path)
                self._complain(
                    path,
                    node.start_mark.line + 1,
                    "has a ${ that names no variable; write $${ for a plain ${",
                )
                return ""
            value = self.environ.get(name) or self._beside_environ.get(name)
            if sign:
                return (value and text if sign == "+" else value or text) or ""
            if not value:
                self.hollow.add(path)
                self._complain(path, node.start_mark.line + 1, f"the environment variable {name} is not set")
                return f"unset-{name.lower().replace('_', '-')}"
            return value

        written = str(node.value)
        value = _VARIABLE.sub(replacement, written)
        if value != written:
            self.written[value] = written
        return value

    def mistakes_of(self, errors: list[ErrorDetails], schema: type[BaseModel]) -> Iterator[Mistake]:
        for details in errors:
            path: Path = tuple(part for part in details["loc"] if part != "[key]")
            is_follow_up = details["type"] == "too_short" and any(
                other["loc"][: len(path)] == path and len(other["loc"]) > len(path) for other in errors
            )
            if details["type"] != "missing":
                path = self._written_part(path)
            if path in self.hollow or is_follow_up:
                continue
            if details["type"] == "contradiction":
                for key, complaint in details["ctx"]["found"]:
                    whole = (*path, *(_split_key(key) if isinstance(key, str) else key))
                    yield Mistake(*self._place(whole), whole, complaint)
            else:
                yield Mistake(*self._place(path), path, explained(details, path, self.written, schema))

    def _place(self, path: Path) -> tuple[str, int]:
        return self.places[self._written_part(path)]

    def _written_part(self, path: Path) -> Path:
        """Without what a schema put below a value: `may: admin` may have become a list."""
        while path not in self.places:
            path = path[:-1]
        return path


def _split_key(key: str) -> list[str]:
    """A file's path may itself hold dots: `roles.web.files./etc/app.conf.secret`."""
    head, found, tail = key.partition(".files.")
    if not found:
        return key.split(".") if key else []
    path, _, last = tail.rpartition(".")
    return [*head.split("."), "files", path, last]
