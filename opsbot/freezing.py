"""Nothing is deployed after a rollback until somebody lifts that: what was left would come back by the next deploy."""

import shipper
from opsbot.desk import Desk
from opsbot.storage.requests import Request
from opsbot.verbs import Verb
from opsbot.views import words


async def after_rollback(desk: Desk, request: Request, living: shipper.Living) -> tuple[str, bool]:
    """What is to be said of it, and whether deploys are frozen by it."""
    if not isinstance(living.outcome, shipper.Deployed):
        return "", False
    return await freeze(desk, request, words.rolled_back(request, living.facts.release, living.facts.replaces))


async def freeze(desk: Desk, request: Request, reason: str) -> tuple[str, bool]:
    """… if the request is a rollback, and the config wants it."""
    if request.verb != Verb.ROLLBACK or not desk.config.environments[request.environment].freeze_after_rollback:
        return "", False
    try:
        project = desk.projects.base(request.environment, words.performer(request), shown_in=await desk.place(request))
        await shipper.freeze(project, reason)
    except shipper.ShipperError as error:
        return f"⚠️ Deploys could not be frozen: {error.what}", False
    return f"🔒 Deploys are frozen: {reason}.", True
