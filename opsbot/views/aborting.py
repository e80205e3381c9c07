"""PURE: what /abort did; or why there was nothing for it to do."""

from collections.abc import Iterator, Sequence
from html import escape

import shipper
from opsbot.storage.requests import Phase, Request
from opsbot.views.pages import Page, bold, page, source, unseen
from opsbot.views.words import asked


def aborted(request: Request, ended: Sequence[Request]) -> Page:
    return page(f"🚫 {escape(request.person_name)} aborts in {bold(request.environment)}:", *map(_ended, ended))


def _ended(request: Request) -> str:
    what = f"{escape(asked(request.command))} by {escape(request.person_name)}"
    if request.phase is Phase.ACTING:
        return f"• {what}: it takes back what it began, as its message shows"
    return f"• {what}: nothing of it was begun"


def nothing(request: Request, hosts: Sequence[shipper.HostStatus]) -> Page:
    """Who holds the lock may be at work from elsewhere."""
    purposes = {(host.holder.performer, host.holder.origin): host.holder.purpose for host in hosts if host.holder}
    return page(
        f"Nothing that this bot was asked for is under way in {bold(request.environment)}.",
        *unseen({host.host_name: host.problem for host in hosts if host.problem}),
        *(f"🔒 {source(*by)} is at it: {shipper.escaped(purpose, 150)}" for by, purpose in purposes.items()),
        *_advice([origin for _, origin in purposes]),
    )


def _advice(origins: Sequence[str]) -> Iterator[str]:
    if not origins:
        yield "Nobody holds the lock: nothing changes what serves there."
    elif any(origin.startswith(("https://", "http://")) for origin in origins):
        yield "It cannot be aborted from here: cancel its run in CI, and it takes back what it began."
    else:
        yield "It cannot be aborted from here: Ctrl-C in its terminal has it take back what it began."
