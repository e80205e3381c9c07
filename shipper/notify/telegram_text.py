"""PURE: lines with Telegram's HTML marks, no longer than Telegram takes: https://core.telegram.org/bots/api#html-style"""

import html
import re
from collections.abc import Sequence

LONGEST = 4096
"""Units of UTF-16 that a message may have, without its marks: https://core.telegram.org/bots/api#sendmessage"""

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
_COMMANDS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
"""Control characters, and what turns the direction of text around: a name could make the words beside it lie."""
_MARKS = re.compile(r"<[^<>]*>")


def length(line: str) -> int:
    """As Telegram counts: without marks."""
    return _units(html.unescape(_MARKS.sub("", line)))


def escaped(text: str, most: int) -> str:
    """One line of what others wrote, without colours, and no more of it than `most` units of UTF-16."""
    plain = uncoloured(text)
    if _units(plain) > most:
        plain = plain.encode("utf-16-le")[: 2 * (most - 1)].decode("utf-16-le", errors="ignore") + "…"
    return html.escape(plain, quote=False)


def uncoloured(text: str) -> str:
    """One line of what others wrote, of which nothing commands a terminal."""
    return _COMMANDS.sub(" ", _COLOURS.sub("", text)).rstrip()


def bold(line: str) -> str:
    return f"<b>{line}</b>"


def link(line: str, url: str) -> str:
    return f'<a href="{html.escape(url)}">{line}</a>'


def preformatted(lines: Sequence[str]) -> list[str]:
    """One block that goes over all of them."""
    return [f"<pre>{chr(10).join(lines)}</pre>"] if lines else []


def first_that_fit(lines: Sequence[str], room: int) -> list[str]:
    """With their line breaks, into so many units of UTF-16; marks take no room."""
    fitting, taken = [], 0
    for line in lines:
        taken += length(line) + 1
        if taken > room:
            break
        fitting.append(line)
    return fitting


def last_that_fit(lines: Sequence[str], room: int) -> list[str]:
    """As `first_that_fit`, from the end."""
    return first_that_fit(lines[::-1], room)[::-1]


def _units(plain: str) -> int:
    return len(plain.encode("utf-16-le")) // 2
