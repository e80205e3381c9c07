"""Keeps secrets out of all that is said: events, log tails, probe bodies, errors."""

import base64
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from shipper.errors import ShipperError
from shipper.events import Event, Tell, masked
from shipper.model import Secret

_SHORTEST = 4  # masking every "a" or "1" in a log would hide the log, not the secret
_SHORTEST_LINE = 9  # of a secret of several lines


class Mask:
    """Replaces every secret value in a text, also as URLs, base64 and JSON write it, and each line of a long one."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secrets: Iterable[Secret]) -> None:
        forms = (form for secret in secrets for form in _forms(secret.reveal()))
        self._forms |= {form for form in forms if len(form) >= _SHORTEST}
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub("•••", text) if self._pattern else text


def _forms(value: str) -> set[str]:
    lines = {line.strip() for line in value.splitlines() if len(line.strip()) >= _SHORTEST_LINE}
    forms = set()
    for text in {value, value.strip(), *lines}:
        encoded = base64.b64encode(text.encode()).decode()
        quoted = {urllib.parse.quote(text, safe=""), urllib.parse.quote(text), urllib.parse.quote_plus(text)}
        forms |= {
            text,
            encoded.rstrip("="),
            encoded.rstrip("=").translate(str.maketrans("+/", "-_")),
            *quoted,
        }
        forms.add(json.dumps(text)[1:-1])
    return forms


@contextmanager
def masking(tell: Tell) -> Iterator[tuple[Tell, Mask]]:
    """A `tell` that masks what it is told, and the mask; errors that pass are masked as well."""
    mask = Mask()

    def masked_tell(event: Event) -> None:
        tell(masked(event, mask))

    try:
        yield masked_tell, mask
    except ShipperError as error:
        error.what, error.now, error.next = mask(error.what), mask(error.now), mask(error.next)
        error.args = (error.what,)
        raise
