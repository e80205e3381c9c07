"""PURE: what a button of Telegram sends when it is pressed, signed, so that only we can have made it.

    roll-back:42:tf0zk0:Q2m4mRkVxL8yB1cD
    verb, argument, when it is over (seconds in base 36), signature

The key is made of the bot's token; what is signed names the service and the chat too: in another chat, or for another
service, the same button is void. Whether it was pressed before is for those to know who act on it.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime

from shipper.model.secret import Secret

MOST_BYTES = 64
"""https://core.telegram.org/bots/api#inlinekeyboardbutton"""

_PURPOSE = b"shipper buttons 1"
_SIGNATURE_BYTES = 12  # 16 characters; there is nothing to try it against but the bot itself
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(r"([a-z][a-z-]*):(.*):([0-9a-z]{1,8}):([\w-]{16})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Button:
    verb: str
    """a-z and dashes."""
    argument: str = ""
    until: datetime
    """When it is over, to the second."""


def sign_button(button: Button, *, token: Secret, service: str, chat_id: int) -> str:
    """The callback data. `service` is the full name, with the destination. Raises ValueError where it is too long."""
    told = f"{button.verb}:{button.argument}:{_in_base_36(int(button.until.timestamp()))}"
    data = f"{told}:{_signature(told, token, service, chat_id)}"
    if len(data.encode()) > MOST_BYTES or not _FORM.fullmatch(data):
        raise ValueError(f"{told!r} is nothing that a button can carry")
    return data


def verify_button(data: str, *, token: Secret, service: str, chat_id: int, now: datetime) -> Button | None:
    """The button, if we made it for this service in this chat, and it is not over."""
    form = _FORM.fullmatch(data)
    if not form:
        return None
    verb, argument, until, signature = form.groups()
    expected = _signature(f"{verb}:{argument}:{until}", token, service, chat_id)
    if not hmac.compare_digest(signature, expected):
        return None
    made = Button(verb=verb, argument=argument, until=datetime.fromtimestamp(int(until, 36), now.tzinfo))
    return made if now < made.until else None


def _signature(told: str, token: Secret, service: str, chat_id: int) -> str:
    key = hmac.digest(token.reveal().encode(), _PURPOSE, hashlib.sha256)
    signed = "\n".join((service, str(chat_id), told)).encode(errors="surrogatepass")
    return base64.urlsafe_b64encode(hmac.digest(key, signed, hashlib.sha256)[:_SIGNATURE_BYTES]).decode()


def _in_base_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits
