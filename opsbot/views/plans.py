"""PURE: a plan, as it is shown to be confirmed."""

from dataclasses import dataclass
from html import escape

import shipper
from opsbot.github import Checks, Comparison
from opsbot.storage.requests import Request
from opsbot.views.pages import Button, Page, Press, bold, page
from opsbot.views.words import asked


@dataclass(frozen=True, kw_only=True)
class Known:
    """What GitHub says, where it is configured."""

    checks: Checks | None = None
    comparison: Comparison | None = None
    problem: str = ""


def proposed(request: Request, plan: shipper.Plan, known: Known, note: str = "") -> Page:
    return page(
        escape(note),
        bold(asked(request.command)),
        f"<pre>{escape(chr(10).join(plan.lines))[:3500]}</pre>",
        buttons=[
            [
                Button(label="✅ Confirm", press=Press.CONFIRM, about=f"{request.id}.{plan.fingerprint[:8]}"),
                Button(label="Cancel", press=Press.DISMISS, about=str(request.id)),
            ]
        ],
    )


def shown(request: Request, plan: shipper.Plan, known: Known) -> Page:
    """Of a plan that nobody is asked to confirm."""
    return page(bold(asked(request.command)), f"<pre>{escape(chr(10).join(plan.lines))[:3500]}</pre>")
