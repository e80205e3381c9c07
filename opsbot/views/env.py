"""PURE: names of variables and files, and which would change."""

from collections.abc import Sequence

import shipper
from opsbot.storage.requests import Request
from opsbot.views.pages import Page, bold, fitting, page, preformatted


def listed(request: Request, found: Sequence[shipper.RoleEnv]) -> Page:
    lines = [shipper.escaped(line, 120) for line, _ in shipper.env_lines(found)]
    return page(
        f"{bold(request.environment)}: names of what a deploy would give: + new, - gone, ~ another value",
        preformatted(fitting(lines)),
    )
