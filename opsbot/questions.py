"""Asks with buttons for what a command lacks: what there is to choose from, only servers and the config know."""

import time
from datetime import UTC, datetime

import shipper
from opsbot.command import What
from opsbot.commits import Commit
from opsbot.desk import Desk
from opsbot.github import GitHubUnavailable
from opsbot.storage.requests import Phase, Request
from opsbot.views import asking, choices
from opsbot.views.choices import Choice

ANSWER_SECONDS = 600.0
"""How long a question can be answered."""


async def ask(desk: Desk, request: Request, what: What) -> None:
    """Of everything but the environment. Raises ShipperError."""
    found = await _choices(desk, request, what)
    if not found:
        await desk.end(request, asking.nothing_to_choose(request, what))
        return
    await desk.show(
        request,
        asking.question(request, what, found),
        phase=Phase.ASKING,
        options=tuple(choice.value for choice in found),
        expires_at=time.time() + ANSWER_SECONDS,
    )


async def _choices(desk: Desk, request: Request, what: What) -> list[Choice]:
    base, now = await desk.projects.base(request.environment), datetime.now(UTC)
    match what:
        case What.VERSION:
            found = await shipper.list_versions(base)
            has_registry = base.config.registry is not None
            return choices.versions(found, await _newest(desk), now, has_registry=has_registry)
        case What.RELEASE:
            return choices.releases(await shipper.list_releases(base), now)
        case _:
            return choices.roles([*base.config.roles])


async def _newest(desk: Desk) -> Commit | None:
    """Of the branch that is deployed, where GitHub tells."""
    if not desk.github or not desk.config.github:
        return None
    try:
        return await desk.github.latest(desk.config.github.branch)
    except GitHubUnavailable:
        return None
