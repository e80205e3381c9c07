"""PURE: what a deploy, a restart, a push, … is about: what its hooks and whoever is notified are told."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shipper.model.observed import Observed
from shipper.model.outcome import Failed, Outcome
from shipper.model.release import Release, commit_of

if TYPE_CHECKING:
    from shipper.project import Project


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Empty, or None, is what is not known, or is not there."""

    command: str
    """deploy, rollback, restart, start, stop, push, build, lock or unlock."""
    service: str
    destination: str
    version: str
    """As in `Release`."""
    commit: str
    """The Git SHA in the version."""
    image: str
    release: int | None
    """Its number."""
    replaces: int | None
    """The number of the release that served before, in the roles that are meant."""
    replaces_version: str
    hosts: tuple[str, ...]
    """As the config writes them."""
    roles: tuple[str, ...]
    performer: str
    origin: str


def facts_of(project: "Project", command: str, release: Release | None = None, hosts: Iterable[Observed] = ()) -> Facts:
    """Without a release, of an image alone."""
    incumbents = [host.incumbent_release_of(project.role_names or host.role_names) for host in hosts]
    replaced = max(
        (other for other in incumbents if other and release and other.number != release.number),
        key=lambda other: other.number,
        default=None,
    )
    version = release.version if release else project.version
    return Facts(
        command=command,
        service=project.config.service,
        destination=project.destination or "",
        version=version,
        commit=commit_of(version),
        image=release.image if release else project.image,
        release=release.number if release else None,
        replaces=replaced.number if replaced else None,
        replaces_version=replaced.version if replaced else "",
        hosts=project.hosts,
        roles=tuple(name for name in project.config.roles if project.means_role(name)),
        performer=project.performer,
        origin=project.origin,
    )


def outcome_word(outcome: Outcome) -> str:
    if isinstance(outcome, Failed):
        return "interrupted" if outcome.interrupted else "failed"
    return type(outcome).__name__.lower()
