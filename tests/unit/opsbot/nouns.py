"""Requests with good defaults, so that a test says only what it is about."""

from dataclasses import replace
from typing import Any

from opsbot.command import Command
from opsbot.storage.requests import Phase, Request
from opsbot.verbs import Verb
from opsbot.views.pages import LONGEST_MESSAGE, Page
from tests.fakes.telegram.entities import parsed


def a_request(verb: Verb, *, command: dict[str, Any] | None = None, **changed: Any) -> Request:
    """Ann's, in production."""
    values: dict[str, Any] = {
        "id": 7,
        "command": replace(Command(verb=verb, environment="production"), **command or {}),
        "person_id": 1,
        "person_name": "ann",
        "phase": Phase.LOOKING,
        "message": 1,
        "options": (),
        "fingerprint": "",
        "release": None,
        "expires_at": 0.0,
        "approved_by": "",
        "abort_by": "",
        "owner": None,
        "created_at": 0.0,
        "begun_at": None,
    }
    return Request(**{**values, **changed})


def read(page: Page) -> str:
    """What a person sees: Telegram has taken the marks out, and found it short enough."""
    text = parsed(page.text, "HTML")
    assert text.length <= LONGEST_MESSAGE
    return text.plain


def labels(page: Page) -> list[list[str]]:
    return [[button.label for button in row] for row in page.buttons]
