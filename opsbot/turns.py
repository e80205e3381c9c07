"""PURE: whose turn it is. Looks go side by side; what changes something goes one at a time in each environment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from opsbot.storage.requests import Phase, Request
from opsbot.verbs import Verb

PLANNED = (Verb.DEPLOY, Verb.ROLLBACK, Verb.RESTART)
"""What shows a plan before it is done."""
MOST_LOOKS = 8


@dataclass(frozen=True, kw_only=True)
class Queued:
    """One that waits for others in its environment."""

    request: Request
    place: int
    """1 is the next one."""
    behind: Request
    """The one that is at it now, or comes before."""


def startable(requests: Iterable[Request]) -> list[Request]:
    """Of those under way, the oldest first."""
    found = list(requests)
    looking = sum(request.phase is Phase.LOOKING for request in found)
    ready = [request for request in found if _is_ready(request, found)]
    acts = [request for request in ready if request.phase in (Phase.QUEUED, Phase.RECOVERING)]
    looks = [request for request in ready if request.phase is Phase.WAITING]
    return [*acts, *looks[: max(0, MOST_LOOKS - looking)]]


def queued(requests: Iterable[Request]) -> Iterator[Queued]:
    found = list(requests)
    for request in found:
        before = _before(request, found)
        if before and request.phase in (Phase.WAITING, Phase.QUEUED):
            yield Queued(
                request=request,
                place=sum(other.phase in (Phase.WAITING, Phase.QUEUED) for other in before) + 1,
                behind=before[0],
            )


def _is_ready(request: Request, found: list[Request]) -> bool:
    if request.phase is Phase.RECOVERING:
        return request.owner is None
    return request.phase in (Phase.WAITING, Phase.QUEUED) and not _before(request, found)


def _before(request: Request, found: list[Request]) -> list[Request]:
    """What has to be over first; what is at it comes first.

    A plan waits for what is about to change the world that it is made for, so that it is worth reading.
    """
    if request.verb not in PLANNED:
        return []
    same = [other for other in found if other.environment == request.environment and other.id != request.id]
    acting = [other for other in same if other.phase in (Phase.ACTING, Phase.RECOVERING)]
    waiting = [
        other
        for other in same
        if other.phase is Phase.QUEUED and (other.id < request.id or request.phase is Phase.WAITING)
    ]
    if request.phase is Phase.WAITING and (acting or waiting):
        waiting += [
            other for other in same if other.phase is Phase.WAITING and other.id < request.id and other.verb in PLANNED
        ]
    return [*acting, *waiting]
