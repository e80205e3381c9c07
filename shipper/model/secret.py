"""A value that does not show."""

from collections.abc import Mapping

PRIVATE = {"private": True}
"""Marks a field that is for the record on the server only: no JSON has it, and with `repr=False` no print has."""


class Secret:
    """A value that does not show: not in repr, str, format or a traceback. Only `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(•••)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


Env = Mapping[str, Secret]
