"""PURE: what a message shows, before its buttons are signed for the chat that it goes to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape

import shipper

LONGEST_MESSAGE = 4096
"""UTF-16 units after the HTML is parsed: https://core.telegram.org/bots/api#sendmessage"""
SENTENCE, NAME = 300, 80
"""The most characters of what others wrote."""
ROOM = LONGEST_MESSAGE - 500
"""For what may be long, beside a title, warnings and notes."""


class Press(StrEnum):
    """What a button does."""

    CONFIRM = "confirm"
    DISMISS = "dismiss"
    WITHDRAW = "withdraw"
    """The requester takes back what waits for approval."""
    ABORT = "abort"
    CHOOSE = "choose"
    LOGS = "logs"
    AGAIN = "again"
    GO_BACK = "go-back"
    """To the release that served before what was left in the middle."""
    LOOK_AGAIN = "look-again"
    """What became of something whose process died."""
    ROLL_BACK = "roll-back"
    """Also of messages that shipper sends; it is about the release that is left."""
    UNLOCK = "unlock"
    ACKNOWLEDGE = "ack"
    MUTE = "mute"


@dataclass(frozen=True, kw_only=True)
class Button:
    label: str
    press: Press
    about: str
    """What it is about: the number of a request, say."""


@dataclass(frozen=True, kw_only=True)
class Page:
    text: str
    """HTML, as Telegram knows it: https://core.telegram.org/bots/api#html-style"""
    buttons: tuple[tuple[Button, ...], ...] = ()
    document: str | None = None
    """Content of a text file, which the text is the caption of."""
    file_name: str = ""


def page(*lines: str, buttons: Iterable[Iterable[Button]] = ()) -> Page:
    rows = tuple(made for row in buttons if (made := tuple(row)))
    return Page(text="\n".join(line for line in lines if line), buttons=rows)


def code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def bold(text: str) -> str:
    return f"<b>{escape(text)}</b>"


def fitting(parts: Sequence[str], room: int = ROOM) -> list[str]:
    """The first ones, where there is no room for all of them, and how many they are not."""
    shown = shipper.first_that_fit(parts, room)
    left = len(parts) - len(shown)
    return [*shown, f"… and {left} more"] if left else shown


def preformatted(lines: Sequence[str]) -> str:
    """One block; the lines are HTML already. Empty if there is none."""
    return f"<pre>{chr(10).join(lines)}</pre>" if lines else ""


def source(performer: str, origin: str) -> str:
    """Who did something, and from where; `performer` tells that already where it was here."""
    who = shipper.escaped(performer, 80)
    if origin.startswith(("https://", "http://")):
        return f'{who}, <a href="{escape(origin)}">CI</a>'
    return f"{who}, {shipper.escaped(origin, 80)}" if origin not in ("", "-", "telegram") else who


def unseen(problems: Mapping[str, str]) -> list[str]:
    """Hosts that do not answer, and why."""
    return [
        f"❌ {shipper.escaped(host_name, 80)}: {shipper.escaped(why.removeprefix(f'{host_name}: '), 300)}"
        for host_name, why in problems.items()
    ]
