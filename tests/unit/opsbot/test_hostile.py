"""What others wrote stands in messages as they wrote it, and never breaks their HTML."""

from collections.abc import Callable
from typing import Any

import pytest

import shipper
from opsbot.arguments import Mistake
from opsbot.command import Command, What
from opsbot.storage.requests import Phase, Request
from opsbot.turns import Queued
from opsbot.verbs import Verb
from opsbot.views import asking, words
from opsbot.views.pages import Page
from shipper.telegram_text import escaped
from tests.fakes.telegram.entities import parsed

HOSTILE = [
    "<b>bold",
    "</code></pre></b>",
    "a < b && c > d; \"quoted\" 'too'",
    "&lt;script&gt; &amp;amp; &#60; &bogus;",
    '<a href="tg://user?id=1">pay</a>',
    "<!-- --> <![CDATA[ <pre",
]


def a_request(**changes: Any) -> Request:
    made: dict[str, Any] = {
        "id": 1,
        "command": Command(verb=Verb.DEPLOY, environment="production", version="latest"),
        "person_id": 1,
        "person_name": "ann",
        "phase": Phase.WAITING,
        "message": 1,
        "options": (),
        "fingerprint": "",
        "release": None,
        "expires_at": 0.0,
        "approved_by": "",
        "abort_by": "",
        "owner": None,
        "created_at": 0.0,
    }
    return Request(**made | changes)


def failed(text: str) -> Page:
    error = shipper.ShipperError(text, now=text, next=text)
    error.logs = (text, text)
    return words.failed(a_request(), error)


PAGES: dict[str, Callable[[str], Page]] = {
    "an error": failed,
    "a mistake": lambda text: asking.mistake(Mistake(complaint=text, usage=text)),
    "a person": lambda text: words.aborted(a_request(), text),
    "a person who waits": lambda text: words.queued(
        Queued(request=a_request(), place=1, behind=a_request(person_name=text))
    ),
    "an approver": lambda text: words.begins(a_request(approved_by=text)),
    "a role": lambda text: words.begun(Command(verb=Verb.RESTART, environment="production", role=text)),
    "an option": lambda text: asking.question(a_request(options=(text,)), What.ROLE),
}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("page", PAGES)
def test_it_is_shown_as_it_was_written(page: str, text: str) -> None:
    made = PAGES[page](text)
    shown = parsed(made.text, "HTML").plain
    labels = [button.label for row in made.buttons for button in row]
    assert any(text in each for each in (shown, *labels))


def test_what_turns_the_direction_of_text_around_does_not() -> None:
    """A subject of a commit could make a plan read otherwise than it is."""
    assert escaped("fix \u202eevil\u202c \u2067login", 80) == "fix  evil   login"
