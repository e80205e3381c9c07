"""Who changed what, as the hosts' journals tell it, and who decided that, as we know it."""

import shipper
from opsbot.desk import Desk
from opsbot.looks.hosts import on_each
from opsbot.storage import decisions
from opsbot.storage.requests import Request
from opsbot.views import history


async def look(desk: Desk, request: Request) -> None:
    seen = await on_each(await desk.projects.base(request.environment), shipper.history)
    async with desk.database.reading() as connection:
        decided = await decisions.latest(connection, request.environment, history.MOST)
    past = [deploy for deploys in seen.told.values() for deploy in deploys]
    await desk.end(request, history.told(request, past, decided, [*seen.told], seen.problems))
