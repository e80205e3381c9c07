"""Nothing is deployed after a rollback until somebody lifts that: the next deploy would bring back what was left."""

from collections.abc import Callable

import shipper
from opsbot.desk import Desk
from opsbot.storage.requests import Request
from opsbot.verbs import Verb
from opsbot.views import words


async def freeze_after_rollback(
    desk: Desk, request: Request, living: shipper.Living, tell: Callable[[shipper.Event], None]
) -> bool:
    """Whether it was done; `tell` hears of that, and of why it could not be."""
    if not isinstance(living.outcome, shipper.Deployed):
        return False
    reason = words.rolled_back(request, living.facts.release, living.facts.replaces)
    remark, is_frozen = await freeze(desk, request, reason)
    if remark:
        tell(shipper.Warned(text=remark))
    return is_frozen


async def freeze(desk: Desk, request: Request, reason: str) -> tuple[str, bool]:
    """What is to be said of it, and whether it was done: if the request is a rollback, and the config wants it."""
    if request.verb != Verb.ROLLBACK or not desk.config.environments[request.environment].freeze_after_rollback:
        return "", False
    place = await desk.place(request)
    try:
        await shipper.freeze(
            await desk.projects.base(request.environment, words.performer(request), shown_in=place), reason
        )
    except shipper.ShipperError as error:
        return f"Deploys could not be frozen: {error.what}", False
    return f"Deploys are frozen: {reason}.", True
