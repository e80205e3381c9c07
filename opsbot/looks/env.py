"""The names of what a deploy would give; never a value."""

import shipper
from opsbot.desk import Desk
from opsbot.storage.requests import Request
from opsbot.views import env


async def look(desk: Desk, request: Request) -> None:
    found = await shipper.list_env(desk.projects.base(request.environment))
    await desk.end(request, env.listed(request, found))
