"""PURE: whether an image may be deployed: (what is to serve, what serves at another destination) → proof, or refusal.

What is promoted is an image, so an image is what has to be proven: env and hosts differ from one destination to the
next. So the same commit does not count where it was built twice, and what serves here already, with another env or
config, needs no proof.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shipper.config.parts import Promotion
from shipper.errors import Unproven
from shipper.model.container import Container
from shipper.model.image import Image
from shipper.model.observed import Observed
from shipper.model.release import ReleaseOutcome, short
from shipper.planning.wanted import Wanted
from shipper.reporters.words import span

_BUILT_ONCE = (
    "An image is the same where it is built once: deploy to both from the machine that has it, or through a registry."
)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An image that is to serve, as it is known before a host has it."""

    image: Image | None = None
    digest: str = ""
    """By which the registry has it."""

    @property
    def exists(self) -> bool:
        return bool(self.image or self.digest)

    def is_same(self, other: Image) -> bool:
        return other.is_known_as(self.digest) or (self.image is not None and self.image.same_as(other))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A role on one host of the destination that is promoted from."""

    host_name: str
    role_name: str
    container: Container | None
    image: Image | None
    """That which the host has of the version that is wanted, be it what serves or not."""
    finished: bool
    """The deploy that brought what serves came to its end."""
    problem: str
    """Why it does not do well, or nothing."""

    def serves(self, candidate: Candidate) -> bool:
        known = self.image if self.image and self.container and self.container.image_id == self.image.id else None
        return known is not None and candidate.is_same(known)


@dataclass(frozen=True, kw_only=True)
class Proof:
    destination: str
    role_names: tuple[str, ...]
    """Those that were looked at there."""
    release_numbers: tuple[int, ...]
    """Those that serve in them."""
    since: datetime
    """All of them have run at least since then."""
    at: datetime

    def __str__(self) -> str:
        named = " and ".join(f"release {number}" for number in self.release_numbers)
        return f"proven in {self.destination}: healthy there, up for {span(self.at - self.since)}, {named}"


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """Somebody has taken it upon himself."""

    destination: str
    reason: str

    def __str__(self) -> str:
        return f"not proven in {self.destination}: {self.reason}"


def candidates(wanted: Wanted, hosts: Mapping[str, Observed]) -> dict[str, tuple[Candidate, ...]]:
    """For each role, what is to serve that does not yet, in it on any host; several where the hosts differ."""
    found: dict[str, dict[Candidate, None]] = {}
    for host_name, payload in wanted.payloads.items():
        for role_name in payload.env:
            candidate = _candidate(wanted, hosts[host_name])
            is_meant = not wanted.role_names or role_name in wanted.role_names
            if is_meant and not any(candidate.is_same(image) for image in _serving(role_name, hosts)):
                found.setdefault(role_name, {})[candidate] = None
    return {role_name: tuple(of_role) for role_name, of_role in found.items()}


def _candidate(wanted: Wanted, host: Observed) -> Candidate:
    """What the host has under that name is not brought again; and what the registry has comes before what is here."""
    if host.image:
        return Candidate(image=host.image)
    if wanted.sources.published:
        return Candidate(digest=wanted.sources.published.digest)
    here = wanted.sources.here
    return Candidate(image=here if here and here.platform == host.platform else None)


def _serving(role_name: str, hosts: Mapping[str, Observed]) -> Iterator[Image]:
    """The wanted image, of each host where a release that was deployed to its end has it."""
    for host in hosts.values():
        container = host.incumbent(role_name)
        release = host.release(container.release_number) if container else None
        is_deployed = release is not None and release.outcome is ReleaseOutcome.DEPLOYED
        if host.image and container and is_deployed and container.image_id == host.image.id:
            yield host.image


def proof_of(
    promoted: Mapping[str, Sequence[Candidate]], seen: Sequence[Seen], *, rule: Promotion, version: str, now: datetime
) -> Proof:
    """Of the roles that are promoted, in those that the destination has too; in all of its own, if it has none of them.

    Raises Unproven.
    """
    there = [role for role in seen if role.role_name in promoted] or list(seen)
    wanted = [candidate for of_role in promoted.values() for candidate in of_role]
    if not all(candidate.exists for candidate in wanted):
        raise _not_built(there, rule.destination, version)
    problems = {
        f"{role.role_name} on {role.host_name} {problem}": None
        for role in there
        for candidate in promoted.get(role.role_name, wanted)
        if (problem := _problem(role, candidate, rule, version, now))
    }
    if problems:
        what = f"{short(version)} is not proven in {rule.destination}: {'; '.join(problems)}."
        is_another = any(_runs(role, version) and not role.serves(image) for role in there for image in wanted)
        raise refused(what, rule.destination, _BUILT_ONCE if is_another else "")
    containers = [role.container for role in there if role.container]
    return Proof(
        destination=rule.destination,
        role_names=tuple(dict.fromkeys(role.role_name for role in there)),
        release_numbers=tuple(sorted({container.release_number for container in containers})),
        since=max((container.started_at for container in containers if container.started_at), default=now),
        at=now,
    )


def refused(what: str, destination: str, next: str = "") -> Unproven:
    next = next or f"shipper deploy -d {destination} brings it there; when it does well, this command again."
    return Unproven(
        what,
        now="Nothing was done.",
        next=f"{next} Where that cannot wait: --unproven REASON, which goes on record.",
    )


def _not_built(there: Sequence[Seen], destination: str, version: str) -> Unproven:
    what = f"{short(version)} is not proven in {destination}: it has no image yet that could be what serves there."
    if not any(_runs(role, version) for role in there):
        return refused(what, destination)
    what = (
        f"{short(version)} is not proven: {destination} runs a build of it that is neither here nor where it is to "
        "serve, and a build now would be another one."
    )
    return refused(what, destination, _BUILT_ONCE)


def _runs(role: Seen, version: str) -> bool:
    return role.container is not None and role.container.version == version


def _problem(role: Seen, candidate: Candidate, rule: Promotion, version: str, now: datetime) -> str:
    """Why this role proves nothing; nothing if it does."""
    container = role.container
    if not container or not container.is_running:
        return f"does not serve: {role.problem}"
    if not role.serves(candidate):
        other = f"{container.short_version} (release {container.release_number})"
        return f"runs {f'another build of {short(version)}' if _runs(role, version) else other}"
    if not role.finished:
        return f"runs it, but the deploy of release {container.release_number} has not come to its end"
    if role.problem:
        return f"runs it, and is not healthy: {role.problem}"
    up = now - (container.started_at or now)
    if up < timedelta(seconds=rule.soak):
        return f"runs it for {span(up)} only, of {span(timedelta(seconds=rule.soak))}"
    return ""
