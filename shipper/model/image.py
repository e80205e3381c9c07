"""Images, as daemons and registries know them."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shipper.model.container import (
    Label,
)
from shipper.model.release import short
from shipper.model.secret import Secret


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What the labels of an image tell of the commit that it was made of; each is empty where none does."""

    revision: str = ""
    """Its version: https://github.com/opencontainers/image-spec/blob/main/annotations.md"""
    created: str = ""
    """When it was committed, where we built it; others write when they built it. ISO 8601."""
    subject: str = ""

    @property
    def created_at(self) -> datetime | None:
        with suppress(ValueError):
            moment = datetime.fromisoformat(self.created.replace("Z", "+00:00"))
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return None


def provenance_of(labels: Mapping[str, str] | None) -> Provenance:
    told = labels or {}
    return Provenance(
        revision=told.get(Label.REVISION, ""),
        created=told.get(Label.CREATED, ""),
        subject=told.get(Label.SUBJECT, ""),
    )


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image as one Docker daemon knows it."""

    id: str
    layers: tuple[str, ...]
    """diffIDs, from the lowest layer up."""
    platform: str
    """os/architecture, as in linux/amd64."""
    created: str
    """Empty where its config does not say."""
    size: int
    healthcheck: tuple[str, ...] = ()
    """As in the image's config: ("CMD", …), ("CMD-SHELL", text), ("NONE",) or nothing."""
    names: tuple[str, ...] = ()
    """Each with its tag."""
    digests: tuple[str, ...] = ()
    """By which registries know it."""
    built_for: str = ""
    """The service, where shipper built it: as `Label.IMAGE` says."""
    provenance: Provenance = Provenance()

    def is_known_as(self, digest: str) -> bool:
        """By a registry; or as this id, where it came without one."""
        return digest == self.id or digest in self.digests

    def is_of_later_commit(self, other: "Image") -> bool:
        """As far as we know: of what others built, the labels tell another date."""
        mine, its = self.provenance.created_at, other.provenance.created_at
        return bool(self.built_for and other.built_for and mine and its and mine > its)

    def same_as(self, other: "Image") -> bool:
        """One content has different ids on the classic and on the containerd image store.

        Layers alone prove nothing: a config may differ over the same ones.
        """
        return self.id == other.id or (self.layers == other.layers and self.created == other.created != "")


def image_of(inspected: Mapping[str, Any]) -> Image:
    """From what `docker image inspect` and the Engine API both give."""
    config = inspected.get("Config") or {}
    return Image(
        id=inspected["Id"],
        layers=tuple(inspected["RootFS"].get("Layers") or ()),
        platform=f"{inspected['Os']}/{inspected['Architecture']}",
        created=inspected.get("Created") or "",
        size=inspected["Size"],
        healthcheck=tuple((config.get("Healthcheck") or {}).get("Test") or ()),
        names=tuple(inspected.get("RepoTags") or ()),
        digests=tuple(name.partition("@")[2] for name in inspected.get("RepoDigests") or ()),
        built_for=(config.get("Labels") or {}).get(Label.IMAGE, ""),
        provenance=provenance_of(config.get("Labels")),
    )


@dataclass(frozen=True, kw_only=True)
class ListedImage:
    """An image as a Docker daemon lists it, with what tells whether it is ours."""

    id: str
    names: tuple[str, ...]
    """Each with its tag or digest; none where it has lost the last one."""
    built_for: str = ""
    """The service, where we built it: as `Label.IMAGE` says."""
    size: int = 0
    created_at: datetime | None = None
    provenance: Provenance = Provenance()


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """For a registry."""

    username: str
    password: Secret


@dataclass(frozen=True, kw_only=True)
class Published:
    """An image as a registry knows it."""

    digest: str
    platforms: tuple[str, ...]
    """os/architecture of each; empty where Docker does not tell."""


def short_image(image_name: str) -> str:
    """For people: no more of a commit, or of an id, than tells it from others."""
    if image_name.startswith("sha256:"):
        return image_name[:19]
    repository, colon, tag = image_name.rpartition(":")
    return f"{repository}{colon}{short(tag)}"


def tunnel_repository(service: str) -> str:
    """What images are called that are on their way through the tunnel, behind `127.0.0.1:<port>/`."""
    return f"shipper-tunnel/{service}"


def is_of_tunnel(image_name: str, service: str) -> bool:
    return bool(re.fullmatch(rf"127\.0\.0\.1:\d+/{re.escape(tunnel_repository(service))}:\d+", image_name))
