"""Ends what acts in an environment, or waits to; where nothing of ours does, tells who is at it."""

from sqlalchemy.ext.asyncio import AsyncConnection

import shipper
from opsbot import aborts
from opsbot.desk import Desk
from opsbot.storage import requests
from opsbot.storage.requests import UNDER_WAY, Request
from opsbot.views import aborting


async def abort(desk: Desk, request: Request) -> None:
    async def end_them(connection: AsyncConnection) -> list[Request]:
        under_way = await requests.in_phases(connection, *UNDER_WAY, environment=request.environment)
        return [
            other
            for other in aborts.meant(under_way)
            if await aborts.abort(connection, desk, other, request.person_id, request.person_name)
        ]

    if ended := await desk.database.insist(end_them):
        desk.signals.to_do.ring()
        await desk.end(request, aborting.aborted(request, ended))
        return
    hosts = await shipper.status(await desk.projects.base(request.environment))
    await desk.end(request, aborting.nothing(request, hosts))
