"""PURE: what a host need not keep any longer."""

from collections.abc import Iterator
from dataclasses import dataclass

from shipper.model import Container, Observed, Release, ReleaseOutcome


@dataclass(frozen=True, kw_only=True)
class Beyond:
    container_names: tuple[str, ...]
    image_names: tuple[str, ...]
    release_numbers: tuple[int, ...]


def beyond_retention(observed: Observed, release: Release, retain: int, before: Release | None = None) -> Beyond:
    """What may go once `release` serves: all but `retain` releases that served, and what failed deploys left.

    Nor `before`, if it is given, and where a rollback from it goes.
    """
    kept = _kept_releases(observed, release, retain) | _with_its_past(before)
    gone = [record for record in observed.releases if record.number not in kept]
    kept_images = {release.image, *(record.image for record in observed.releases if record.number in kept)}
    images = dict.fromkeys(record.image for record in gone if record.image not in kept_images)
    return Beyond(
        container_names=(*_superfluous_containers(observed, kept), *_superfluous_runs(observed, release, before)),
        image_names=tuple(images),
        release_numbers=tuple(record.number for record in gone if _is_history(record, kept)),
    )


def _is_history(record: Release, kept: set[int]) -> bool:
    """The record of a failed deploy stays as long as an older release does; one without its image is of no use."""
    return record.outcome is ReleaseOutcome.DEPLOYED or record.number < min(kept)


def _kept_releases(observed: Observed, release: Release, retain: int) -> set[int]:
    """The newest that served, and always those that serve or will, and where a rollback from the new one goes."""
    served = [r.number for r in observed.releases if r.outcome is ReleaseOutcome.DEPLOYED]
    newest = sorted({*served, release.number}, reverse=True)[:retain]
    serving = {container.release_number for container in observed.incumbents}
    return {*newest, *_with_its_past(release), *serving}


def _with_its_past(release: Release | None) -> set[int]:
    """The release, and where a rollback from it goes."""
    return {number for number in (release.number, release.replaces) if number} if release else set()


def _superfluous_containers(observed: Observed, kept: set[int]) -> Iterator[str]:
    """Those that nothing relies on, but for the newest of each role of each release that is kept."""
    newest: dict[tuple[str, int], Container] = {}
    for container in observed.containers:
        key = container.role_name, container.release_number
        if key not in newest or newest[key].deploy_id < container.deploy_id:
            newest[key] = container
    for container in observed.containers:
        is_newest = newest[container.role_name, container.release_number] is container
        if not container.is_in_use and not (is_newest and container.release_number in kept):
            yield container.name


def _superfluous_runs(observed: Observed, release: Release, before: Release | None) -> Iterator[str]:
    """What ran the commands of other releases: a failed one too, which was there to be looked at until this deploy.

    Those of the release itself tell that they need not run again.
    """
    kept = {release.number, before.number if before else 0}
    for run in observed.runs:
        if run.is_release_command and not run.is_running and run.release_number not in kept:
            yield run.name
