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
    is_wanted = desk.config.environments[request.environment].freeze_after_rollback
    if request.verb != Verb.ROLLBACK or not is_wanted or not isinstance(living.outcome, shipper.Deployed):
        return False
    reason = words.rolled_back(request, living.facts)
    place = await desk.place(request)
    try:
        await shipper.freeze(desk.projects.base(request.environment, words.performer(request), shown_in=place), reason)
    except shipper.ShipperError as error:
        tell(shipper.Warned(text=f"Deploys could not be frozen: {error.what}"))
        return False
    tell(shipper.Warned(text=f"Deploys are frozen: {reason}."))
    return True
