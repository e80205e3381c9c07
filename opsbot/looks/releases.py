"""Which releases there are, and which serves."""

from datetime import UTC, datetime

import shipper
from opsbot.desk import Desk
from opsbot.looks.hosts import on_each
from opsbot.storage.requests import Request
from opsbot.views import releases


async def look(desk: Desk, request: Request) -> None:
    async def observed(project: shipper.Project) -> shipper.Observed:
        (host,) = (await shipper.list_releases(project)).values()
        return host

    seen = await on_each(await desk.projects.base(request.environment), observed)
    await desk.end(request, releases.listed(request, seen.told, seen.problems, datetime.now(UTC)))
