"""PURE: what requests are called, and what there is to say of them on the way."""

from html import escape

import shipper
from opsbot.command import Command
from opsbot.storage.requests import Phase, Request
from opsbot.turns import Queued
from opsbot.verbs import Verb
from opsbot.views.pages import Button, Page, Press, bold, page

_REASON = 200  # characters of one for the record
_BUG = "a mistake of this bot; its log says where."
CHANGED = "⚠️ The world changed since that plan was confirmed. Nothing was done; this is what would be done now:"


def asked(command: Command) -> str:
    """As in "deploy of 2222222 in production"."""
    match command.verb:
        case Verb.DEPLOY | Verb.PLAN if command.version:
            what = f"{command.verb} of {shipper.short(command.version)}"
        case Verb.ROLLBACK if command.release:
            what = f"rollback to release {command.release}"
        case Verb.ROLLBACK if command.leaving:
            what = f"rollback from release {command.leaving}"
        case Verb.RESTART | Verb.LOGS if command.role:
            what = f"{command.verb} of {command.role}"
        case verb:
            what = verb
    return f"{what} in {command.environment}" if command.environment else what


def performer(request: Request) -> str:
    """For the record on the hosts."""
    approved = f", approved by {request.approved_by}" if request.approved_by else ""
    forced = f", forced: {reason}" if (reason := request.command.force_reason[:_REASON]) else ""
    return f"{request.person_name} (Telegram){approved}{forced}"


def begun(command: Command) -> Page:
    return page(f"⏳ {bold(asked(command))} …")


def begins(request: Request) -> Page:
    by = f", approved by {escape(request.approved_by)}" if request.approved_by else ""
    return page(
        f"⏳ {bold(asked(request.command))} by {escape(request.person_name)}{by} begins …",
        buttons=[[Button(label="Abort", press=Press.ABORT, about=str(request.id))]],
    )


def queued(waiting: Queued) -> Page:
    behind = f"{escape(asked(waiting.behind.command))} by {escape(waiting.behind.person_name)}"
    return page(
        f"⏳ {bold(asked(waiting.request.command))}: number {waiting.place} in the queue, after the {behind}.",
        buttons=[[Button(label="Never mind", press=Press.ABORT, about=str(waiting.request.id))]],
    )


def failed(request: Request, error: shipper.ShipperError) -> Page:
    """What happened, what is true now, what to do."""
    logs = "\n".join(error.logs)
    return page(
        f"❌ {bold(asked(request.command))}",
        escape(error.what),
        escape(error.now),
        f"→ {escape(error.next)}" if error.next else "",
        f"<pre>{escape(logs[-1500:])}</pre>" if logs else "",
    )


def bug(request: Request) -> Page:
    return page(f"❌ {bold(asked(request.command))}: {_BUG}")


def what_happened(error: Exception) -> str:
    return error.what if isinstance(error, shipper.ShipperError) else _BUG


def not_any_more(request: Request) -> Page:
    return page(
        f"❌ {bold(asked(request.command))}: {escape(request.person_name)} may not do that here any more, "
        "as the config is now. Nothing was done."
    )


def already(request: Request) -> Page:
    what, who = bold(asked(request.command)), escape(request.person_name)
    if request.phase is Phase.PROPOSED:
        return page(f"{what}: its plan waits to be confirmed already; {who} asked for it.")
    return page(f"{what} is under way already: {who} asked for it.")


def aborted(request: Request, by: str) -> Page:
    """Nobody aborts it where opsbot is told to end."""
    why = f"aborted by {escape(by)}" if by else "aborted, since opsbot was told to end"
    again = Button(label="Try again", press=Press.AGAIN, about=str(request.id))
    return page(f"🚫 {bold(asked(request.command))}: {why}. Nothing was begun.", buttons=[[] if by else [again]])


def rolled_back(request: Request, release: int | None, left: int | None = None) -> str:
    """Why deploys are frozen then."""
    way = f"from release {left} to {release}" if left else f"to release {release}"
    return f"rolled back {way} by {request.person_name}"


def dismissed(request: Request, by: str) -> Page:
    who = "withdrawn" if by == request.person_name else f"refused by {escape(by)}"
    return page(f"🚫 {bold(asked(request.command))}: {who}. Nothing was done.")


def expired(request: Request) -> Page:
    again = Button(label="Plan it again", press=Press.AGAIN, about=str(request.id))
    return page(f"⌛ {bold(asked(request.command))}: nobody confirmed it in time. Nothing was done.", buttons=[[again]])


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
