"""What others wrote stands in messages as they wrote it, and never breaks their HTML."""

from collections.abc import Callable
from datetime import timedelta

import pytest

import shipper
from opsbot.arguments import Mistake
from opsbot.command import Command, What
from opsbot.commits import Check, Checks, Verdict
from opsbot.turns import Queued
from opsbot.verbs import Verb
from opsbot.views import asking, history, locks, logs, refusals, status, words
from opsbot.views.choices import Choice
from opsbot.views.pages import Page
from shipper.model.records import Freeze
from shipper.notify.telegram_text import escaped
from tests.unit.nouns import BEGUN, SECOND, A, a_container
from tests.unit.opsbot.nouns import a_request, read

HOSTILE = [
    "<b>bold",
    "</code></pre></b>",
    "a < b && c > d; \"quoted\" 'too'",
    "&lt;script&gt; &amp;amp; &#60; &bogus;",
    '<a href="tg://user?id=1">pay</a>',
    "<!-- --> <![CDATA[ <pre",
]
DEPLOY = a_request(Verb.DEPLOY)


def an_error(text: str) -> Page:
    error = shipper.ShipperError(text, now=text, next=text)
    error.logs = (text, text)
    return words.failed(DEPLOY, error)


def a_log(text: str) -> Page:
    line = shipper.LogLine(at=BEGUN, host_name=A, container=a_container(2), is_error=False, text=text)
    return logs.written(a_request(Verb.LOGS, command={"role": "web", "grep": text}), [line], [text]).page


def a_history(text: str) -> Page:
    past = shipper.PastDeploy(
        host_name=text,
        deploy_id="0aaa",
        begun_at=BEGUN,
        performer=text,
        origin=text,
        version=SECOND,
        title=text,
        outcome="deployed",
        seconds=4.25,
    )
    return history.told(a_request(Verb.HISTORY), [past], [], [A], {text: text})


def a_freeze(text: str) -> Freeze:
    return Freeze(performer=text, reason=text, since=BEGUN, until=BEGUN + timedelta(hours=1))


PAGES: dict[str, Callable[[str], Page]] = {
    "an error": an_error,
    "a log": a_log,
    "the history": a_history,
    "a host that is not there": lambda text: status.seen(
        a_request(Verb.STATUS), [shipper.HostStatus(host_name=A, at=BEGUN, problem=text)], BEGUN
    ),
    "a freeze": lambda text: locks.frozen(a_request(Verb.LOCK), a_freeze(text)),
    "a freeze that was lifted": lambda text: locks.lifted(a_request(Verb.UNLOCK), [a_freeze(text)]),
    "what refuses a deploy": lambda text: refusals.frozen(DEPLOY, a_freeze(text)),
    "a check of CI": lambda text: refusals.red(DEPLOY, Checks(verdict=Verdict.RED, failed=(Check(name=text, url=""),))),
    "a mistake": lambda text: asking.mistake(Mistake(complaint=text, usage=text)),
    "a person": lambda text: words.aborted(DEPLOY, text),
    "a person who waits": lambda text: words.queued(
        Queued(request=DEPLOY, place=1, behind=a_request(Verb.DEPLOY, person_name=text))
    ),
    "an approver": lambda text: words.begins(a_request(Verb.DEPLOY, approved_by=text)),
    "a role": lambda text: words.begun(Command(verb=Verb.RESTART, environment="production", role=text)),
    "a choice": lambda text: asking.question(DEPLOY, What.ROLE, [Choice(value="web", label=text)]),
}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("page", PAGES)
def test_it_is_shown_as_it_was_written(page: str, text: str) -> None:
    made = PAGES[page](text)
    labels = [button.label for row in made.buttons for button in row]
    assert any(text in each for each in (read(made), *labels))


def test_what_turns_the_direction_of_text_around_does_not() -> None:
    """A subject of a commit could make a plan read otherwise than it is."""
    assert escaped("fix \u202eevil\u202c \u2067login", 80) == "fix  evil   login"
