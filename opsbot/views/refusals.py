"""PURE: what stands against a deploy, before anybody is asked to confirm it."""

from html import escape

import shipper
from opsbot.commits import Checks
from opsbot.storage.requests import Request
from opsbot.views.commits import names_of
from opsbot.views.pages import Button, Page, Press, code, page
from opsbot.views.plans import title


def frozen(request: Request, freeze: shipper.Freeze) -> Page:
    unlock = Button(label="Lift the freeze", press=Press.UNLOCK, about=str(request.id))
    again = Button(label="Try again", press=Press.AGAIN, about=str(request.id))
    by, why = shipper.escaped(freeze.performer, 80), shipper.escaped(freeze.reason, 300)
    return page(
        f"🧊 {title(request)}",
        f"Deploys are frozen{escape(freeze.until_text)} by {by}: {why}",
        "Nothing was done. A rollback is possible all the same.",
        buttons=[[unlock, again]],
    )


def red(request: Request, checks: Checks) -> Page:
    how = f"/deploy {request.environment} {shipper.short(request.command.version)} force REASON"
    return page(
        f"❌ {title(request)}",
        f"CI is red: {names_of(checks.failed)}.",
        f"Nothing was done. Who may force it gives the reason: {code(how)}",
    )


def unproven(request: Request, error: shipper.Unproven) -> Page:
    """How to get on is told in the words of commands here, not of those in a terminal."""
    how = f"/deploy {request.environment} {shipper.short(request.command.version)} force REASON"
    again = Button(label="Try again", press=Press.AGAIN, about=str(request.id))
    return page(
        f"❌ {title(request)}",
        shipper.escaped(error.what, 1000),
        "Nothing was done. Deploy it there first; who may force it gives the reason: " + code(how),
        buttons=[[again]],
    )


def left_already(request: Request, serving: dict[int, str]) -> Page:
    """A rollback from a release that does not serve any more; `serving` are those that do, with their versions."""
    now = ", ".join(f"release {number} of {escape(version)}" for number, version in serving.items())
    return page(
        f"❌ {title(request)}",
        f"Release {request.command.leaving} does not serve any more: {now or 'nothing'} does.",
        "Nothing was done.",
    )
