"""What serves, and how it does."""

from datetime import UTC, datetime

import shipper
from opsbot.desk import Desk
from opsbot.storage.requests import Request
from opsbot.views import status


async def look(desk: Desk, request: Request) -> None:
    hosts = await shipper.status(await desk.projects.base(request.environment))
    await desk.end(request, status.seen(request, hosts, datetime.now(UTC)))
