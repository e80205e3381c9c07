"""YAML → values, each with its place in a file; overlays are laid over them, and `${NAME}` in them is filled in.

Scalars stay the text that was written (`1.10` and `no` mean just that); a schema gives them their types.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import yaml

from shipper.config.complaints import Path

_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])([^}]*))?\}|\$\{")
_BARE_VARIABLE = re.compile(r"[\[{,]\s*[^\s\"',]*\$\{")
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


def _unquoted(line: str) -> str:
    """Between brackets the { of a variable begins a mapping for YAML."""
    return '; between [ ] or { } quote it: "${NAME}"' if _BARE_VARIABLE.search(line) else ""


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


class Reader:
    """Reads the files of one document, and keeps what is told of mistakes in it."""

    def __init__(self, environ: Mapping[str, str], beside: Beside) -> None:
        self._environ = environ
        self._beside = beside
        self._topmost: list[dict[str, str]] = []
        self._places: dict[Path, tuple[str, int]] = {}
        self.mistakes: list[Mistake] = []
        self._file = ""
        self.is_readable = True
        self.hollow: set[Path] = set()
        """Where a value stands that could not be made out."""
        self.written: dict[str, str] = {}
        """For each value that the environment is in, which may be a secret, what stands in the file."""

    def read_all(self, texts: Mapping[str, str]) -> dict[str | int, object]:
        nodes = {file: node for file, text in texts.items() if (node := self._composed(file, text))}
        for node in nodes.values():
            pairs = [pair for pair in node.value if all(isinstance(each, yaml.ScalarNode) for each in pair)]
            self._topmost.append({key.value: value.value for key, value in pairs})
        merged: dict[str | int, object] = {}
        for self._file, node in nodes.items():
            merged = _lay_over(merged, self._mapping(node, (), frozenset()))
        return merged

    @cached_property
    def _variables_beside(self) -> Mapping[str, str]:
        """Looked for only where the environment lacks something."""
        return self._beside(self._topmost)

    def _composed(self, file: str, text: str) -> yaml.MappingNode | None:
        self._file = file
        self._places.setdefault((), (file, 1))
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            number = mark.line if mark else 0
            self._unreadable(number + 1, f"is not YAML: {error.problem}{_unquoted(text.split(chr(10))[number])}")
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
        self.mistakes.append(Mistake(self._file, line, path, complaint))

    def _value(self, node: yaml.Node, path: Path, within: frozenset[int]) -> object:
        if id(node) in within:
            self.hollow.add(path)
            self._complain(path, self._places[path][1], "is an alias to something that contains it")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, within | {id(node)})
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self._item(item, (*path, index), within | {id(node)}) for index, item in items]
        is_null = node.tag == "tag:yaml.org,2002:null"
        return None if is_null else self._interpolated(node, path)

    def _item(self, node: yaml.Node, path: Path, within: frozenset[int]) -> object:
        self._places[path] = (self._file, node.start_mark.line + 1)
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
                self._places[(*path, key_node.value)] = (self._file, line)
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
            value = self._environ.get(name) or self._variables_beside.get(name)
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

    def place(self, path: Path) -> tuple[str, int]:
        """File and line."""
        return self._places[self.written_part(path)]

    def written_part(self, path: Path) -> Path:
        """Without what a schema put below a value: `may: admin` may have become a list."""
        while path not in self._places:
            path = path[:-1]
        return path
