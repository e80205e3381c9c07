"""PURE: `${{ … }}`, as much of it as our workflows use; everything else is an error.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)|(?P<mark>&&|\|\||[!=]=|[!().,]))"
)
_HOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}
_STATUS = re.compile(r"\b(success|failure|always|cancelled)\(\)")


class NotSupported(Exception):
    """A workflow says what this runner does not know."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What may be named at a place: https://docs.github.com/en/actions/reference/workflows-and-actions/contexts"""

    contexts: Mapping[str, Any]
    results: Sequence[str] = ()
    """How all that went before has ended: success, failure, skipped."""

    def evaluate(self, expression: str) -> Any:
        return _Reader(expression, self).read()

    def fill(self, text: Any) -> Any:
        """A text with its holes filled; what is one hole and nothing else keeps its type."""
        if not isinstance(text, str):
            raise NotSupported(f"where a text was meant: {text}")
        if whole := _HOLE.fullmatch(text.strip()):
            return self.evaluate(whole[1])
        return _HOLE.sub(lambda hole: shown(self.evaluate(hole[1])), text)

    def holds(self, condition: str | bool | None) -> bool:
        """An `if`. One that asks for no status means success() as well."""
        text = (
            "success()" if condition is None else str(condition).lower() if isinstance(condition, bool) else condition
        )
        if whole := _HOLE.fullmatch(text.strip()):
            text = whole[1]
        meant = text if _STATUS.search(text) else f"success() && ({text})"
        return bool(self.evaluate(meant))

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        return {
            "success": lambda: all(result == "success" for result in self.results),
            "failure": lambda: "failure" in self.results,
            "always": lambda: True,
            "cancelled": lambda: False,  # nobody cancels a run of ours
            "contains": lambda where, what: (
                any(_equal(each, what) for each in where)
                if isinstance(where, list)
                else shown(what).lower() in shown(where).lower()
            ),
            "fromJSON": json.loads,
        }


class _Reader:
    """Goes through an expression once, from the left; each method is a level of precedence, the loosest first."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._scope = scope
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise NotSupported(f"{self._text}: {text[at:]}")
            self._tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            at = found.end()

    def read(self) -> Any:
        value = self._either()
        if self._tokens:
            raise NotSupported(f"{self._text}: {self._tokens[0][1]}")
        return value

    def _either(self) -> Any:
        value = self._both()
        while self._took("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._comparison()
        while self._took("&&"):
            other = self._comparison()
            value = value and other
        return value

    def _comparison(self) -> Any:
        value = self._one()
        if self._took("=="):
            return _equal(value, self._one())
        if self._took("!="):
            return not _equal(value, self._one())
        return value

    def _one(self) -> Any:
        if self._took("!"):
            return not self._one()
        if self._took("("):
            value = self._either()
            self._expect(")")
            return value
        kind, token = self._tokens.pop(0) if self._tokens else ("", "nothing")
        match kind:
            case "text":
                return token[1:-1].replace("''", "'")
            case "number":
                return float(token)
            case "name" if token in _WORDS:
                return _WORDS[token]
            case "name":
                return self._called(token) if self._took("(") else self._looked_up(token)
            case _:
                raise NotSupported(f"{self._text}: {token}")

    def _called(self, name: str) -> Any:
        if name not in self._scope.functions:
            raise NotSupported(f"{self._text}: {name}()")
        values = []
        while not self._took(")"):
            values.append(self._either())
            self._took(",")
        return self._scope.functions[name](*values)

    def _looked_up(self, name: str) -> Any:
        if name not in self._scope.contexts:
            raise NotSupported(f"{self._text}: `{name}` cannot be named here")
        value = self._scope.contexts[name]
        while self._took("."):
            kind, key = self._tokens.pop(0)
            if kind != "name":
                raise NotSupported(f"{self._text}: .{key}")
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def _took(self, mark: str) -> bool:
        if self._tokens and self._tokens[0] == ("mark", mark):
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._took(mark):
            raise NotSupported(f"{self._text}: no {mark}")


def shown(value: Any) -> str:
    """As it stands in a text."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case str():
            return value
        case _:
            raise NotSupported(f"in a text: {value}")


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if type(one) is type(other):
        return bool(one == other)
    return _number(one) == _number(other)


def _number(value: Any) -> float:
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return float("nan")
