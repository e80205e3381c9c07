"""PURE: the versions that hosts know, and which one is meant."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shipper.errors import ImageError, UsageError
from shipper.model.image import ListedImage, Provenance
from shipper.model.observed import Observed
from shipper.model.release import Release, short

LATEST = "latest"
_SHORTEST = 4  # characters that may stand for a version
_HANDFUL = 5  # versions that are told where another was asked for
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Version:
    """One that can be deployed, as its image and the records of its releases tell."""

    version: str
    """As in `Release`: the tag of its image."""
    created_at: datetime | None
    """When it was committed, if its image tells, else when that was made; or its newest release, if no host has it."""
    revision: str = ""
    """The commit, as the image's label names it."""
    subject: str = ""
    """Of the commit, where we built the image."""
    host_names: tuple[str, ...] = ()
    """Those that have its image."""
    is_everywhere: bool = False
    """All hosts have it."""
    serving: tuple[int, ...] = ()
    """The numbers of the releases of it that serve, in any role on any host; the newest first."""

    @property
    def short_version(self) -> str:
        return short(self.version)


def versions_of(hosts: Mapping[str, Observed], repository: str) -> tuple[Version, ...]:
    """The newest first. `latest` is none: it is another one each time."""
    images, releases = dict(_by_tag(hosts, repository)), dict(_records(hosts, repository))
    made = [
        _version(version, hosts, images.get(version, {}), releases.get(version, []))
        for version in dict.fromkeys((*images, *releases))
        if version != LATEST
    ]
    return tuple(sorted(made, key=lambda version: version.created_at or _LONG_AGO, reverse=True))


def _by_tag(hosts: Mapping[str, Observed], repository: str) -> Iterator[tuple[str, dict[str, ListedImage]]]:
    found: dict[str, dict[str, ListedImage]] = {}
    for host_name, host in hosts.items():
        for image in host.images:
            for name in image.names:
                own, colon, tag = name.rpartition(":")
                if colon and own == repository:
                    found.setdefault(tag, {})[host_name] = image
    yield from found.items()


def _records(hosts: Mapping[str, Observed], repository: str) -> Iterator[tuple[str, list[Release]]]:
    found: dict[str, list[Release]] = {}
    for host in hosts.values():
        for release in host.releases:
            if release.image == f"{repository}:{release.version}":
                found.setdefault(release.version, []).append(release)
    yield from found.items()


def _version(
    version: str, hosts: Mapping[str, Observed], images: Mapping[str, ListedImage], releases: Sequence[Release]
) -> Version:
    begun = max((release.begun_at for release in releases), default=None)
    told = [(image.provenance.created_at or image.created_at, image.provenance) for image in images.values()]
    created_at, provenance = max(told, key=lambda item: item[0] or _LONG_AGO, default=(begun, Provenance()))
    serving = {c.release_number for host in hosts.values() for c in host.serving_all().values() if c.version == version}
    return Version(
        version=version,
        created_at=created_at,
        revision=provenance.revision,
        subject=provenance.subject,
        host_names=tuple(images),
        is_everywhere=len(images) == len(hosts),
        serving=tuple(sorted(serving, reverse=True)),
    )


def version_meant(asked: str, versions: Sequence[Version]) -> Version | None:
    """That of this name, the only one that begins so, or the newest that a host has. Raises UsageError."""
    if asked == LATEST:
        return next((version for version in versions if version.host_names), None)
    if exact := [version for version in versions if version.version == asked]:
        return exact[0]
    begin_so = [version for version in versions if len(asked) >= _SHORTEST and version.version.startswith(asked)]
    if len(begin_so) > 1:
        raise UsageError(
            f"{asked} may be any of {', '.join(version.version for version in begin_so)}.",
            now="Nothing was done.",
            next="Say more of it.",
        )
    return begin_so[0] if begin_so else None


def could_be_tag(asked: str) -> bool:
    """https://pkg.go.dev/github.com/distribution/reference"""
    return re.fullmatch(r"\w[\w.-]{0,127}", asked, re.ASCII) is not None


def unknown(asked: str, repository: str, versions: Sequence[Version], registry_name: str | None) -> ImageError:
    nowhere = f"nor has {registry_name}" if registry_name else "and there is no registry to ask"
    such = "" if asked == LATEST else f" whose tag begins with {asked}"
    there = {version.version: version for version in versions if version.host_names}
    near = difflib.get_close_matches(asked, there, n=_HANDFUL)
    told = ", ".join(_told(there[name]) for name in near or list(there)[:_HANDFUL])
    return ImageError(
        f"No host has an image of {repository}{such}, {nowhere}.",
        now=(
            f"Nothing was done. {'Near it' if near else 'The newest'} on the hosts: {told}."
            if told
            else "Nothing was done."
        ),
        next=f"Bring it there: shipper push {asked if asked != LATEST else 'COMMIT'}, from a checkout or from CI.",
    )


def _told(version: Version) -> str:
    about = ", ".join(filter(None, (f"{version.created_at:%Y-%m-%d}" if version.created_at else "", version.subject)))
    return f"{version.short_version} ({about})" if about else version.short_version


def told_of(image_name: str, hosts: Mapping[str, Observed]) -> str:
    """Date and subject of the commit, as the labels of its image tell them; empty where they do not."""
    for image in (image for host in hosts.values() for image in host.images if image_name in image.names):
        created_at, subject = image.provenance.created_at, image.provenance.subject
        return ", ".join(filter(None, (f"{created_at:%Y-%m-%d}" if created_at else "", subject)))
    return ""
