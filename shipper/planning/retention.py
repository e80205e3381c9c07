"""PURE: what a host need not keep any longer, and what this machine need not."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shipper.config.root import Config
from shipper.model.image import ListedImage, is_of_tunnel
from shipper.model.observed import Observed
from shipper.model.records import Unfinished
from shipper.model.release import Release, ReleaseOutcome
from shipper.steps.prune import Prune

_COMMIT = re.compile(r"[0-9a-f]{40}(-dirty-[0-9a-f]{8})?")
_FRESH = timedelta(minutes=10)  # in which whoever ran a command may still ask how it ended


@dataclass(frozen=True, kw_only=True)
class Retention:
    """What is kept of a service on a host."""

    full_name: str
    """The service with its destination."""
    releases: int
    """How many that served."""
    stopped: Mapping[str, int]
    """How many stopped containers, for each role that says so; else one of each release that is kept."""
    removes_images: bool
    """Whether images of releases go with them: not where someone else made them."""
    keeps_way_back: bool = True
    """Whether that stays, too, where a rollback goes; else what serves is all that does."""


@dataclass(frozen=True, kw_only=True)
class Beyond:
    container_names: tuple[str, ...]
    image_names: tuple[str, ...]
    """Ids of those that have no name."""
    release_numbers: tuple[int, ...]


def retention_of(config: Config, full_name: str, releases: int) -> Retention:
    return Retention(
        full_name=full_name,
        releases=releases,
        stopped={name: role.retain for name, role in config.roles.items() if role.retain is not None},
        removes_images=not config.fixed_version,
    )


def beyond_retention(
    observed: Observed,
    release: Release,
    rules: Retention,
    spared: Sequence[Release] = (),
    *,
    changing: Collection[str] = (),
    is_shipped: bool = False,
) -> Beyond:
    """What may go once `release` serves: all but so many releases that served, and what failed deploys left.

    Nor those that are spared, and where a rollback from them goes. Roles that are `changing` will have stopped what
    they run now. If the image `is_shipped`, what is left of ships that were cut off is of use to that.
    """
    kept = _kept_releases(observed, (release, *spared), rules)
    gone = [record for record in observed.releases if record.number not in kept]
    nameless = _nameless(observed, rules.full_name, kept)
    left = () if is_shipped else left_by_ships(observed, rules.full_name)
    return Beyond(
        container_names=(
            *_superfluous_containers(observed, kept, rules.stopped, changing),
            *_superfluous_runs(observed, {release.number, *(record.number for record in spared)}),
        ),
        image_names=tuple(dict.fromkeys([*_of_releases(observed, release, kept, rules), *nameless, *left])),
        release_numbers=tuple(record.number for record in gone if _is_history(record, kept, rules)),
    )


def _of_releases(observed: Observed, release: Release, kept: set[int], rules: Retention) -> Iterator[str]:
    wanted = {release.image, *(record.image for record in observed.releases if record.number in kept)}
    there = {name for image in observed.images for name in (image.id, *image.names)}
    for record in observed.releases if rules.removes_images else ():
        if record.number not in kept and record.image not in wanted and (record.image in there or not there):
            yield record.image


def _is_history(record: Release, kept: set[int], rules: Retention) -> bool:
    """The record of a failed deploy stays as long as an older release does; one without its image is of no use."""
    is_of_use = record.outcome is not ReleaseOutcome.DEPLOYED and record.number >= min(kept)
    return not (is_of_use and rules.keeps_way_back)


def _kept_releases(observed: Observed, relied_on: Sequence[Release], rules: Retention) -> set[int]:
    """The newest that served, and always those that serve or will, and where a rollback from these goes."""
    serving = {container.release_number for container in observed.incumbents}
    always = serving.union(*(_with_its_past(release, rules) for release in relied_on))
    if not rules.keeps_way_back:
        return always
    served = [r.number for r in observed.releases if r.outcome is ReleaseOutcome.DEPLOYED]
    return always.union(sorted({*served, relied_on[0].number}, reverse=True)[: rules.releases])


def _with_its_past(release: Release, rules: Retention) -> set[int]:
    """The release, and where a rollback from it goes: from one that is unfinished, whatever the rules say."""
    goes_back = rules.keeps_way_back or release.outcome is ReleaseOutcome.UNFINISHED
    return {release.number, release.replaces} if goes_back and release.replaces else {release.number}


def unfinished_releases(observed: Observed) -> Iterator[Release]:
    """That of a deploy that died, if there is one: only the newest release is ever gone on with."""
    yield from (record for record in observed.releases[-1:] if record.outcome is ReleaseOutcome.UNFINISHED)


def _superfluous_containers(
    observed: Observed, kept: set[int], stopped: Mapping[str, int], changing: Collection[str]
) -> Iterator[str]:
    """Those that nothing relies on, but for some of each role, which tell what they wrote."""
    for role_name in observed.role_names:
        telling = [container for container in observed.of_role(role_name) if container.release_number in kept]
        if role_name in stopped:
            ended = [c for c in telling if role_name in changing or not c.is_in_use]
            telling = ended[-stopped[role_name] :]
        else:
            telling = list({container.release_number: container for container in telling}.values())
        for container in observed.of_role(role_name):
            if not container.is_in_use and container not in telling:
                yield container.name


def _superfluous_runs(observed: Observed, kept: set[int]) -> Iterator[str]:
    """What ran the commands of other releases: a failed one too, which was there to be looked at until this deploy.

    Those of releases that are kept tell that they need not run again.
    """
    for run in observed.runs:
        if run.is_release_command and not run.is_running and run.release_number not in kept:
            yield run.name


def superfluous_now(observed: Observed, rules: Retention, unfinished: Unfinished | None, now: datetime) -> Beyond:
    """What may go while no deploy is under way: what a deploy that died is gone on with stays."""
    beyond = Beyond(container_names=(), image_names=(), release_numbers=())
    if serving := observed.incumbent_release:
        begun = observed.release(unfinished.release_number) if unfinished else None
        serving_roles = [observed.incumbent_release_of([name]) for name in observed.role_names]
        spared = [record for record in (begun, *serving_roles) if record]
        beyond = beyond_retention(observed, serving, rules, spared, is_shipped=unfinished is not None)
    return replace(beyond, container_names=(*beyond.container_names, *_ended_commands(observed, now)))


def of_roles(beyond: Beyond, observed: Observed, role_names: Collection[str]) -> Beyond:
    """Only the containers of these roles: images and records are of all roles."""
    mine = {c.name for c in (*observed.containers, *observed.runs) if c.role_name in role_names}
    kept_to = tuple(name for name in beyond.container_names if name in mine)
    return Beyond(container_names=kept_to, image_names=(), release_numbers=())


def _ended_commands(observed: Observed, now: datetime) -> Iterator[str]:
    """Containers in which someone ran a command that has ended, without the lock of the service.

    Those that never ran, since whoever made them died before they were removed, too.
    """
    for container in observed.runs:
        last = container.ended_at or container.created_at
        has_ended = not (container.is_release_command or container.is_in_use)
        if has_ended and last and now - last > _FRESH:
            yield container.name


def left_by_ships(observed: Observed, full_name: str) -> Iterator[str]:
    """Names that images have while they are on their way through the tunnel: of use to the ship that goes on."""
    for image in observed.images:
        yield from (name for name in image.names if is_of_tunnel(name, full_name))


def _nameless(observed: Observed, full_name: str, kept: set[int]) -> Iterator[str]:
    """Images that we built and that no name leads to, nor a container, nor the record of a release that is kept."""
    wanted = {container.image_id for container in (*observed.containers, *observed.runs)}
    wanted |= {record.image_id for record in observed.releases if record.number in kept}
    for image in observed.images:
        if image.built_for == full_name and not image.names and image.id not in wanted:
            yield image.id


def superfluous_here(
    images: Sequence[ListedImage], repository: str, retain: int, kept: Collection[str]
) -> tuple[str, ...]:
    """Of this machine's images, the newest first: those of commits beyond the newest `retain`, and what has no name.

    Those of the names `kept` stay.
    """
    names = dict.fromkeys(name for image in images for name in image.names if is_of_commit(name, repository))
    nameless = [image.id for image in images if not image.names]
    return (*(name for name in list(names)[retain:] if name not in kept), *nameless)


def is_of_commit(name: str, repository: str) -> bool:
    own, _, tag = name.rpartition(":")
    return own == repository and _COMMIT.fullmatch(tag) is not None


def prune(host_name: str, beyond: Beyond, because: str) -> Iterator[Prune]:
    if beyond.container_names or beyond.image_names or beyond.release_numbers:
        yield Prune(
            host_name=host_name,
            because=because,
            container_names=beyond.container_names,
            image_names=beyond.image_names,
            release_numbers=beyond.release_numbers,
        )
