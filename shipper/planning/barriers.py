"""PURE: releases from which there is no way back, and which of them a rollback would cross."""

from collections.abc import Iterator
from dataclasses import dataclass

from shipper.model.observed import Observed
from shipper.model.release import Release, ReleaseOutcome


@dataclass(frozen=True, kw_only=True)
class Barrier:
    """A release from which there is no way back, or perhaps none."""

    release_number: int
    reason: str


def barrier(host: Observed, release: Release) -> Barrier | None:
    """What the release brings: a reason why there is no way back that the release before it did not give."""
    if not release.irreversible or not release.replaces:
        return None
    before = host.release(release.replaces)
    if before and before.irreversible == release.irreversible:
        return None
    doubt = "" if before else f" (unless that was so before: the record of release {release.replaces} is gone)"
    return Barrier(release_number=release.number, reason=f"{release.irreversible}{doubt}")


def barriers_before(host: Observed, target: Release) -> tuple[Barrier, ...]:
    """Those that going back from what serves to `target` would cross, the newest first.

    Nothing is crossed by going forward, nor where `target` gives the same reason: it knows what was done. What one role
    serves was brought to all: a database knows of no roles.
    """
    serving = [record for c in host.incumbents if (record := host.release(c.release_number))]
    ways = [_barriers(host, release, target) for release in serving or filter(None, [_newest_deployed(host)])]
    found = {barrier.release_number: barrier for way in ways for barrier in way}
    return tuple(sorted(found.values(), key=lambda barrier: -barrier.release_number))


def _barriers(host: Observed, serving: Release, target: Release) -> Iterator[Barrier]:
    release: Release | None = serving
    while release and release.number > target.number:
        if (brought := barrier(host, release)) and release.irreversible != target.irreversible:
            yield brought
        before = release.replaces
        release = host.release(before) if before else None
        if before and before > target.number and not release and any(r.irreversible for r in host.releases):
            yield Barrier(release_number=before, reason="its record is gone, so there may be no way back")


def _newest_deployed(host: Observed) -> Release | None:
    """Where nothing serves."""
    deployed = [release for release in host.releases if release.outcome is ReleaseOutcome.DEPLOYED]
    return deployed[-1] if deployed else None
