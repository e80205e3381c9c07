"""PURE: what shall serve: the release, with what each host needs for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shipper.model.release import Payload, Release
from shipper.planning.facts import Facts
from shipper.planning.image_plan import Sources
from shipper.steps.hook import RunHook


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The release that shall serve, with what each host needs for it."""

    full_name: str
    """The service with its destination."""
    deploy_id: str
    command: str
    """deploy, rollback, restart or start."""
    releases: Mapping[str, Release]
    """For each host; they differ in what they replace, and in the hash of their env."""
    payloads: Mapping[str, Payload]
    retain: int | None
    """How many releases are kept; None to remove nothing."""
    removes_images: bool
    """Whether images of pruned releases go too: not where someone else made them."""
    sources: Sources
    """Of the image."""
    facts: Facts
    hooks: Mapping[str, RunHook] = field(default_factory=dict)
    """By their names."""
    role_names: tuple[str, ...] = ()
    """Roles that are to change, the others being left alone; all if there are none."""
    host_names: tuple[str, ...] = ()
    """Hosts that are meant, the others being left out; all if there are none."""
    renew: bool = False
    """Whether also what serves already is replaced."""

    @property
    def release(self) -> Release:
        return next(iter(self.releases.values()))
