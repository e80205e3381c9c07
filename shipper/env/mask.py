"""Keeps secrets out of all that is said: events, log tails, probe bodies, errors."""

import base64
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from shipper.errors import ShipperError
from shipper.events import Event, Tell, masked
from shipper.model.secret import Secret

_SHORTEST = 4  # masking every "a" or "1" in a log would hide the log, not the secret
_SHORTEST_BASE64 = 6  # of a part; shorter ones occur by chance
_URL_SAFE = str.maketrans("+/", "-_")
_SHORTEST_LINE = 9  # of a secret of several lines


class Mask:
    """Replaces every secret value in a text, also as URLs, base64 and JSON write it, and each line of a long one."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secrets: Iterable[Secret]) -> None:
        new = {secret.reveal() for secret in secrets} - self._values
        if not new:  # as when the same hosts are looked at again and again
            return
        self._values |= new
        self._forms |= {form for value in new for form in _forms(value) if len(form) >= _SHORTEST}
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub("•••", text) if self._pattern else text


def _forms(value: str) -> set[str]:
    lines = {line.strip() for line in value.splitlines() if len(line.strip()) >= _SHORTEST_LINE}
    forms = set()
    for text in {value, value.strip(), *lines}:
        raw = text.encode(errors="surrogateescape")  # in an environment may stand what is no UTF-8
        quoted = {urllib.parse.quote(raw, safe=""), urllib.parse.quote(raw), urllib.parse.quote_plus(raw)}
        lower = {re.sub("%..", lambda match: match[0].lower(), form) for form in quoted}
        encoded = set(_in_base64(raw))
        encoded |= {form.translate(_URL_SAFE) for form in encoded}
        forms |= {text, json.dumps(text)[1:-1], *quoted, *lower, *encoded}
    return forms


def _in_base64(value: bytes) -> Iterator[str]:
    """Alone, and within something longer (`user:secret`, say), at each of the three alignments."""
    yield base64.b64encode(value).decode().rstrip("=")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + value).decode()
        first = (0, 2, 3)[before]  # the characters before hold bits of what stands before the value
        last = (None, -3, -2)[(before + len(value)) % 3]  # and those after hold bits of what follows
        if len(encoded[first:last]) >= _SHORTEST_BASE64:
            yield encoded[first:last]


@contextmanager
def masking(tell: Tell) -> Iterator[tuple[Tell, Mask]]:
    """A `tell` that masks what it is told, and the mask; errors that pass are masked as well.

    Who cannot be told (a pipe or a terminal that is gone) does not stop a deploy: nothing more is told.
    """
    mask, listens = Mask(), True

    def masked_tell(event: Event) -> None:
        nonlocal listens
        if listens:
            try:
                tell(masked(event, mask))
            except OSError:
                listens = False

    try:
        yield masked_tell, mask
    except ShipperError as error:
        error.what, error.now, error.next = mask(error.what), mask(error.now), mask(error.next)
        error.args = (error.what,)
        error.logs = tuple(map(mask, error.logs))
        raise
