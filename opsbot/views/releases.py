"""PURE: the releases that hosts know."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import shipper
from opsbot.storage.requests import Request
from opsbot.views.pages import Page, bold, fitting, page, source, unseen

MOST = 15


def listed(request: Request, hosts: Mapping[str, shipper.Observed], problems: Mapping[str, str], now: datetime) -> Page:
    """The newest first."""
    numbers = sorted({release.number for host in hosts.values() for release in host.releases})[-MOST:]
    oldest = numbers[0] if numbers else 0
    rows = list(shipper.release_rows(hosts, (), oldest, now))[1:]
    return page(
        f"{bold(request.environment)}: releases, the newest first",
        *unseen(problems),
        *fitting([_release(row) for row in rows]),
        "" if rows else "none yet: /deploy makes the first",
    )


def _release(row: Sequence[str]) -> str:
    number, version, outcome, when, performer, origin, places, note = row
    mark = "▶️" if note.startswith("serves") else "•"
    on = f" on {shipper.escaped(places, 100)}" if places else ""
    lines = [
        f"{mark} {bold(number)} {shipper.escaped(version, 60)} {outcome}{on}, {when}",
        f"by {source(performer, origin)}",
        shipper.escaped(note, 200),
    ]
    return "\n".join(line for line in lines if line)
