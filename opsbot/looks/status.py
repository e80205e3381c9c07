"""What serves, and how it does."""

from html import escape

import shipper
from opsbot.desk import Desk
from opsbot.storage.requests import Request
from opsbot.views.pages import Page, bold, page


async def look(desk: Desk, request: Request) -> Page:
    found = await shipper.status(desk.projects.base(request.environment))
    return page(bold(request.environment), *(line for host in found for line in _lines(host)))


def _lines(host: shipper.HostStatus) -> list[str]:
    if host.problem:
        return [f"❌ {escape(host.host_name)}: {escape(host.problem)}"]
    return [f"{escape(host.host_name)} {escape(role.role_name)}: {escape(role.health)}" for role in host.roles]
