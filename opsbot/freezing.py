"""Nothing is deployed after a rollback until somebody lifts that: what was left would come back by the next deploy."""

import shipper
from opsbot.desk import Desk
from opsbot.storage.requests import Request
from opsbot.verbs import Verb
from opsbot.views import words


async def after_rollback(desk: Desk, request: Request, living: shipper.Living) -> tuple[str, bool]:
    """What is to be said of it, and whether deploys are frozen by it."""
    is_wanted = desk.config.environments[request.environment].freeze_after_rollback
    if request.verb != Verb.ROLLBACK or not is_wanted or not isinstance(living.outcome, shipper.Deployed):
        return "", False
    reason = words.rolled_back(request, living.facts)
    try:
        project = desk.projects.base(request.environment, words.performer(request), shown_in=await desk.place(request))
        await shipper.freeze(project, reason)
    except shipper.ShipperError as error:
        return f"⚠️ Deploys could not be frozen: {error.what}", False
    return f"🔒 Deploys are frozen: {reason}.", True
