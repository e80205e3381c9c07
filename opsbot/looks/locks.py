"""The freeze, which is set and lifted at once: nothing that serves is changed by it."""

import shipper
from opsbot.desk import Desk
from opsbot.storage.requests import Request
from opsbot.views import locks, words


async def lock(desk: Desk, request: Request) -> None:
    command = request.command
    project = await desk.projects.base(request.environment, words.performer(request))
    made = await shipper.freeze(project, command.reason, seconds=command.seconds)
    await desk.note(request, "done", f"{command.reason}{made.until_text}")
    await desk.end(request, locks.frozen(request, made))


async def unlock(desk: Desk, request: Request) -> None:
    project = await desk.projects.base(request.environment, words.performer(request))
    before = await shipper.freezes(project)
    if before:
        await shipper.unfreeze(project)
        await desk.note(request, "done")
    await desk.end(request, locks.lifted(request, list(before.values())))
