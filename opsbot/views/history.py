"""PURE: what happened, and who decided it, in one row of time."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import shipper
from opsbot.storage.decisions import Decision
from opsbot.storage.requests import Request
from opsbot.views.pages import ROOM, Page, bold, page, source, unseen

MOST = 20
"""Entries that are told."""
_MARKS = {"failed": "❌", "interrupted": "❌", "unfinished": "❌", "under way": "⏳"}


def told(
    request: Request,
    past: Sequence[shipper.PastDeploy],
    decided: Sequence[Decision],
    host_names: Sequence[str],
    problems: Mapping[str, str],
) -> Page:
    """The newest last, where a chat is read."""
    entries = sorted([*_happened(past, host_names), *_decided(decided)], key=lambda entry: entry[0])[-MOST:]
    shown = shipper.last_that_fit([text for _, text in entries], ROOM)
    return page(
        f"{bold(request.environment)}: history, the newest last; times are UTC",
        *unseen(problems),
        *shown,
        "" if entries else "nothing was changed yet: /deploy begins",
    )


def _happened(past: Sequence[shipper.PastDeploy], host_names: Sequence[str]) -> Iterator[tuple[datetime, str]]:
    """Hosts that say the same share an entry."""
    deploys: dict[tuple[str, str, str], list[shipper.PastDeploy]] = {}
    for deploy in past:
        deploys.setdefault((deploy.deploy_id, deploy.title, deploy.outcome), []).append(deploy)
    for same in deploys.values():
        first = min(same, key=lambda deploy: deploy.begun_at)
        seconds = [deploy.seconds for deploy in same if deploy.seconds is not None]
        took = f" in {max(seconds):.1f} s" if seconds else ""
        on = [deploy.host_name for deploy in same]
        places = f" on {shipper.escaped(', '.join(on), 100)}" if len(on) < len(host_names) else ""
        what = shipper.escaped(first.title.partition(": ")[2] or first.title, 150)
        yield (
            first.begun_at,
            f"{_time(first.begun_at)} {_MARKS.get(first.outcome, '✅')} {what}: {bold(first.outcome)}{places}{took}, "
            f"by {source(first.performer, first.origin)}",
        )


def _decided(decided: Sequence[Decision]) -> Iterator[tuple[datetime, str]]:
    for decision in decided:
        at = datetime.fromtimestamp(decision.at, UTC)
        what = decision.what.removesuffix(f" in {decision.environment}")
        why = f" ({shipper.escaped(decision.why, 150)})" if decision.why else ""
        name = shipper.escaped(decision.person_name, 80)
        yield at, f"{_time(at)} 👤 {name}: {shipper.escaped(what, 150)} {shipper.escaped(decision.decision, 20)}{why}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%b %d %H:%M}"
