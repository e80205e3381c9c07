"""PURE: what was confirmed, while it is done and when it is over. What is told of it is shipper's own."""

from datetime import datetime
from html import escape

import shipper
from opsbot.storage.requests import Request
from opsbot.verbs import Verb
from opsbot.views.pages import Button, Page, Press, page


def going(request: Request, living: shipper.Living, now: datetime) -> Page:
    aborting = f"🚫 {escape(request.abort_by)} aborts it: what was begun is taken back." if request.abort_by else ""
    buttons = [] if request.abort_by else [[Button(label="Abort", press=Press.ABORT, about=str(request.id))]]
    return page(living.text(now), aborting, buttons=buttons)


def over(request: Request, living: shipper.Living, now: datetime, *, is_frozen: bool = False) -> Page:
    """With what may be done next; `is_frozen` where deploys are, from now on."""
    about, text, why = str(request.id), living.text(now), _stopped(request, living)
    logs = Button(label="Logs", press=Press.LOGS, about=about)
    if is_frozen:
        unlock = Button(label="Lift the freeze", press=Press.UNLOCK, about=about)
        return page(text, why, buttons=[[unlock, logs]])
    if living.has_failed:
        again = Button(label="Try again", press=Press.AGAIN, about=about)
        return page(text, why, buttons=[[again, logs]])
    if request.verb == Verb.DEPLOY and living.facts.replaces:
        back = Button(label="Roll back", press=Press.ROLL_BACK, about=str(living.facts.release))
        return page(text, why, buttons=[[back, logs]])
    return page(text, why, buttons=[[logs]])


def role_to_look_at(living: shipper.Living) -> tuple[str, ...]:
    """Whose logs tell most: that of the step that failed."""
    failed = [row.role_name for row in living.rows if row.state == "failed" and row.role_name]
    return (*failed, *living.facts.roles)[:1]


def is_blind(living: shipper.Living) -> bool:
    """It is over, and what serves is not known: the servers could not be asked any more."""
    outcome = living.outcome
    return outcome is None or (isinstance(outcome, shipper.Failed) and outcome.restored is None)


def alarm(request: Request, living: shipper.Living) -> Page | None:
    """A message of its own, which people hear: an edit makes no sound. What somebody aborted surprises nobody."""
    outcome = living.outcome
    is_as_wanted = isinstance(outcome, shipper.Failed) and outcome.interrupted and outcome.restored and request.abort_by
    return page(living.alarm()) if living.has_failed and not is_as_wanted else None


def _stopped(request: Request, living: shipper.Living) -> str:
    """Who stopped it, or tried to."""
    outcome, by = living.outcome, escape(request.abort_by)
    if isinstance(outcome, shipper.Failed) and outcome.interrupted:
        return f"🚫 Aborted by {by}." if by else "🚫 opsbot was told to end, so it was aborted."
    if by and not living.has_failed:
        return f"🚫 {by} aborted it too late: all of it had taken its place already."
    return ""
