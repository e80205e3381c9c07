"""PURE: what became of something that opsbot did not see the end of, and what may be done now."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import escape

import shipper
from opsbot.aftermath import Aftermath, Row, State
from opsbot.command import Command
from opsbot.storage.requests import Request
from opsbot.verbs import Verb
from opsbot.views.pages import Button, Page, Press, bold, page
from opsbot.views.words import asked

_CUT_OFF = "opsbot was killed, or cut off, while it was at it."
_MARKS = {State.NOTHING: "🚫", State.WELL: "✅", State.BADLY: "❌"}
_SAID = {
    State.NOTHING: "It had begun nothing, so nothing was done.",
    State.WELL: "It came to its end all the same. What serves now:",
    State.BADLY: "It failed; the logs may tell why. What serves now:",
    State.OVERTAKEN: "It did not come to its end, and something else was done since then. What serves now:",
    State.OLD: "It did not come to its end, and nothing of it serves. What serves now:",
    State.MIXED: "It was left in the middle. What serves now:",
    State.NEW: "It serves everywhere, but did not come to its end. What serves now:",
}
_MAY_GO_ON = (State.OLD, State.MIXED, State.NEW)


def looking(request: Request, problem: str = "") -> Page:
    return page(
        f"🔎 {_title(request)}: {_CUT_OFF} Looking what is true now …",
        f"Not known yet: {escape(problem)}" if problem else "",
    )


def held(holder: shipper.Holder) -> str:
    return f"{holder.performer} has the lock, for {holder.purpose}."


def found(request: Request, after: Aftermath) -> Page:
    later = after.later
    return page(
        f"{_MARKS.get(after.state, '⚠️')} {_title(request)}: {_CUT_OFF} {_SAID[after.state]}",
        *_serving(after.rows),
        f"{escape(request.abort_by)} had aborted it." if request.abort_by else "",
        f"Since then: {escape(later.title)} by {escape(later.performer)}, {escape(later.outcome)}." if later else "",
        buttons=[_buttons(request, after)],
    )


def unknown(request: Request, problem: str) -> Page:
    return page(
        f"❓ {_title(request)}: {_CUT_OFF} What serves now is not known.",
        escape(problem),
        buttons=[[Button(label="Look again", press=Press.LOOK_AGAIN, about=str(request.id))]],
    )


def alarm(request: Request) -> Page:
    """A message of its own, which people hear: an edit makes no sound."""
    return page(f"⚠️ {_title(request)} by {escape(request.person_name)}: {_CUT_OFF} See what became of it.")


def to_go_on(request: Request) -> Command:
    """What asks for the same again, though what serves is another release by now."""
    if request.verb is Verb.ROLLBACK:
        return replace(request.command, release=request.release, leaving=None)
    return request.command


def _title(request: Request) -> str:
    return bold(asked(request.command))


def _serving(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        role, container = row.role, row.role.container
        place = escape(f"{role.role_name} on {role.host_name}")
        if not container:
            yield f"• {place}: {escape(role.health)}"
        else:
            age = ", new" if row.is_new else ""
            release = f"release {container.release_number} of {container.short_version}"
            yield f"• {place}: {escape(release)}{age}, {escape(role.health)}"


def _buttons(request: Request, after: Aftermath) -> Iterator[Button]:
    about = str(request.id)
    if after.state in _MAY_GO_ON:
        yield Button(label="Go on", press=Press.AGAIN, about=about)
    elif after.state is not State.WELL:
        yield Button(label="Try again", press=Press.AGAIN, about=about)
    elif request.verb is Verb.DEPLOY and not after.later:
        yield Button(label="Roll back", press=Press.ROLL_BACK, about=str(request.release))
    if after.back_to:
        yield Button(label="Roll back", press=Press.GO_BACK, about=f"{about}.{after.back_to}")
    if after.rows:
        yield Button(label="Logs", press=Press.LOGS, about=about)
