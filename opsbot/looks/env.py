"""The names of what a deploy would give; never a value."""

import shipper
from opsbot.command import LATEST
from opsbot.desk import Desk
from opsbot.storage.requests import Request
from opsbot.views import env, words


async def look(desk: Desk, request: Request) -> None:
    project = await desk.projects.base(request.environment)
    if not project.version:  # where there is no Git, a version is what an image says
        project = await desk.projects.of(request.environment, LATEST, words.performer(request))
    await desk.end(request, env.listed(request, await shipper.list_env(project)))
