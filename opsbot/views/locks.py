"""PURE: what there is to say of a freeze."""

from collections.abc import Sequence
from html import escape

import shipper
from opsbot.storage.requests import Request
from opsbot.views.pages import Button, Page, Press, bold, page


def frozen(request: Request, freeze: shipper.Freeze) -> Page:
    until = freeze.until_text or " until somebody lifts it"
    return page(
        f"🧊 {bold(request.environment)} is frozen{until}: {shipper.escaped(freeze.reason, 500)}",
        f"By {escape(request.person_name)}. Nothing is deployed there meanwhile; a rollback goes all the same.",
        buttons=[[Button(label="Lift the freeze", press=Press.UNLOCK, about=str(request.id))]],
    )


def lifted(request: Request, before: Sequence[shipper.Freeze]) -> Page:
    """`before` are those that held, one for each host."""
    if not before:
        return page(f"{bold(request.environment)} is not frozen; nothing was done.")
    was = {
        f"It was frozen by {shipper.escaped(freeze.performer, 80)}{freeze.until_text}: "
        f"{shipper.escaped(freeze.reason, 500)}": None
        for freeze in before
    }
    return page(f"🔓 {escape(request.person_name)} has lifted the freeze of {bold(request.environment)}.", *was)
