"""PURE: what a message shows, before its buttons are signed for the chat that it goes to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from html import escape

LONGEST_MESSAGE = 4096
"""UTF-16 units after the HTML is parsed: https://core.telegram.org/bots/api#sendmessage"""


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
