"""PURE: how the hosts that lack an image get it: from this machine or from a registry, and what comes before."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from shipper.config import parts
from shipper.config.image_names import repository_of
from shipper.errors import ImageError
from shipper.model.image import Image, ListedImage, Published
from shipper.model.observed import Observed
from shipper.planning.retention import superfluous_here
from shipper.steps import Step
from shipper.steps.build import Build
from shipper.steps.prune import Prune
from shipper.steps.pull import Pull
from shipper.steps.push import Push
from shipper.steps.ship import Ship
from shipper.steps.tidy import Tidy


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the wanted image can come from."""

    image_name: str
    digest: str | None = None
    """Of the one that is meant, whatever else has the name."""
    here: Image | None = None
    """What this machine has under that name."""
    can_build: bool = False
    registry_name: str | None = None
    """None where images travel through SSH."""
    published: Published | None = None
    """What the registry has under that name, or as that digest."""
    others_here: tuple[ListedImage, ...] = ()
    """What this machine has of the service, the newest first."""


def steps_here(sources: Sources, lacking: Sequence[Observed], before_build: Step | None) -> Iterator[Step]:
    """What this machine does before the hosts that lack the image can get it. Raises ImageError."""
    for host in lacking:
        _refuse_other_processor(sources, host)
    if not lacking or sources.published:
        return
    if sources.digest:
        _refuse_unknown_digest(sources)
    for build in _build(sources, lacking):
        yield from filter(None, (before_build, build))
    if sources.registry_name:
        yield Push(
            image_name=sources.image_name,
            registry_name=sources.registry_name,
            as_latest=sources.can_build,
            because=f"{sources.registry_name} does not have it",
        )


def step_there(sources: Sources, host: Observed, prune: Step | None) -> Step:
    """How a host gets the image; `prune` goes first where its disk is too full."""
    host_name, image_name = host.host_name, sources.image_name
    because = f"{host_name} does not have it"
    if not sources.registry_name:
        return Ship(host_name=host_name, image_name=image_name, prune=prune, because=because)
    digest = sources.published.digest if sources.published else None
    return Pull(host_name=host_name, image_name=image_name, digest=digest, prune=prune, because=because)


def refuse_another_image(image_name: str, digest: str, hosts: Iterable[Observed]) -> None:
    """A version has one image: releases that are there would be another one all at once. Raises ImageError."""
    for host in hosts:
        if host.image and not host.image.is_known_as(digest):
            known_as = " or ".join(host.image.digests or (host.image.id,))
            raise ImageError(
                f"{host.host_name} has another image as {image_name}: {known_as}, not {digest}.",
                now="Nothing was done.",
                next="Deploy what is there, without a digest; or a new commit, since a version has one image.",
            )


def _refuse_unknown_digest(sources: Sources) -> None:
    here, digest = sources.here, sources.digest
    if sources.registry_name:
        raise ImageError(
            f"{sources.registry_name} has no image {repository_of(sources.image_name)} with the digest {digest}.",
            now="Nothing was done.",
            next="shipper push tells the digest of what is there; that one may have been removed since.",
        )
    if not here or not here.is_known_as(digest or ""):
        raise ImageError(
            f"{sources.image_name} is {f'{here.id} here' if here else 'neither here nor there'}, not {digest}.",
            now="Nothing was done.",
            next="Without a registry the digest is the image's id: shipper build prints it, and shipper push.",
        )


def _refuse_other_processor(sources: Sources, host: Observed) -> None:
    platforms = sources.published.platforms if sources.published else ()
    if platforms and host.platform not in platforms:
        raise ImageError(
            f"{host.host_name} is {host.platform}, but {sources.image_name} in {sources.registry_name} is for "
            f"{', '.join(platforms)}.",
            now="Nothing was done.",
            next=f"Push one for {host.platform} too, or remove it from {sources.registry_name} and deploy again.",
        )


def _build(sources: Sources, lacking: Sequence[Observed]) -> Iterator[Step]:
    here, platforms = sources.here, {host.platform for host in lacking}
    if here and platforms == {here.platform}:
        return
    host = lacking[0]
    if not sources.can_build:
        nowhere = f"is neither here nor there{f' nor in {sources.registry_name}' if sources.registry_name else ''}"
        found = f"is here for {here.platform}" if here else nowhere
        or_pull = "" if sources.registry_name else "; or let the hosts pull it: `registry: {}` in the config"
        raise ImageError(
            f"{host.host_name} needs the image {sources.image_name} for {host.platform}, and it {found}.",
            now="Nothing was done.",
            next=f"Pull or load it here or on {host.host_name}, or let `build:` make it from a commit{or_pull}.",
        )
    if len(platforms) > 1:
        raise ImageError(
            f"The hosts differ: {', '.join(f'{host.host_name} {host.platform}' for host in lacking)}.",
            now="Nothing was done.",
            next="Deploy to hosts of one kind at a time, with a destination for each kind.",
        )
    why = "the one here is for another processor" if here else "this commit has no image yet"
    yield Build(image_name=sources.image_name, platform=host.platform, because=why)


def kept_images(hosts: Iterable[Observed], pruning: Iterable[Prune]) -> set[str]:
    """Those of the releases that hosts have records of, but for what is pruned."""
    gone = {(step.host_name, number) for step in pruning for number in step.release_numbers}
    return {r.image for host in hosts for r in host.releases if (host.host_name, r.number) not in gone}


def tidying(
    images: Sequence[ListedImage], repository: str, build: parts.Build | None, retain: int, kept: Collection[str]
) -> Iterator[Tidy]:
    """What need not stay of this machine's `images`, the newest first, and of the builder's cache."""
    names = superfluous_here(images, repository, retain, kept)
    limit = build.cache_limit if build else None
    if names or limit is not None:
        because = f"retain is {retain}" if names else "the config limits it"
        yield Tidy(image_names=names, cache_limit=limit, because=because)
