"""PURE: (what is wanted, what was observed) → Plan. No clock, no randomness, no I/O.

Everything that a deploy decides is decided here, with its reason: what changes, in which order, what is removed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shipper.config import Role
from shipper.errors import ImageError
from shipper.model import Container, ContainerState, Image, Label, Observed, Payload, Release, ReleaseOutcome
from shipper.retention import beyond_retention
from shipper.spec import container_spec
from shipper.steps import Step
from shipper.steps.build import Build
from shipper.steps.check import Check
from shipper.steps.commit import Commit
from shipper.steps.network import Network
from shipper.steps.prune import Prune
from shipper.steps.release import WriteRelease
from shipper.steps.retire import Retire
from shipper.steps.ship import Ship
from shipper.steps.start import Start
from shipper.steps.stop import Stop
from shipper.steps.swap import Swap

_STOP_TIMEOUT = 30.0  # seconds, for containers of roles that the config knows no more


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The release that shall serve, with what each host needs for it."""

    full_name: str
    """The service with its destination."""
    deploy_id: str
    releases: Mapping[str, Release]
    """For each host; they differ in what they replace, and in the hash of their env."""
    payloads: Mapping[str, Payload]
    retain: int | None
    """How many releases are kept; None to remove nothing."""
    removes_images: bool
    """Whether images of pruned releases go too: not where someone else made them."""
    local_image: Image | None = None
    """The wanted image, if this machine has it."""
    can_build: bool = False

    @property
    def release(self) -> Release:
        return next(iter(self.releases.values()))


@dataclass(frozen=True, kw_only=True)
class Plan:
    release: Release
    deploy_id: str
    title: str
    before_commit: tuple[Step, ...]
    """Each of these is taken back if a later one fails."""
    after_commit: tuple[Step, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.before_commit or self.after_commit)

    @property
    def lines(self) -> tuple[str, ...]:
        """The plan as plain text, one line for each step in the order of the run."""
        steps = self.before_commit + self.after_commit
        if not steps:
            return (self.title, "nothing to do")
        hosts = max(len(step.host_name) for step in steps)
        roles = max(len(step.role_name) for step in steps)
        return (
            self.title,
            *(f"{step.host_name:<{hosts}}  {step.role_name:<{roles}}  {step}" for step in steps),
        )


def make_plan(wanted: Wanted, observed: Mapping[str, Observed]) -> Plan:
    """Raises ImageError if the image is nowhere, or is for another processor."""
    hosts = [_HostPlan(wanted, observed[host_name]) for host_name in wanted.releases]
    if not any(host.before_commit or host.is_uncommitted or host.after_commit for host in hosts):
        return Plan(
            release=wanted.release,
            deploy_id=wanted.deploy_id,
            title=_title(wanted, observed),
            before_commit=(),
            after_commit=(),
        )
    return Plan(
        release=wanted.release,
        deploy_id=wanted.deploy_id,
        title=_title(wanted, observed),
        before_commit=(
            *_build(wanted, observed),
            *(step for host in hosts for step in host.preparation),
            *(step for host in hosts for step in host.freed),
            *(step for role_name in _role_names(hosts) for host in hosts for step in host.changes.get(role_name, ())),
        ),
        after_commit=(
            *(step for host in hosts for step in host.commit),
            *(step for host in hosts for step in host.after_commit),
            *(step for host in hosts for step in host.pruning),
        ),
    )


def choose_strategy(role: Role) -> tuple[str, str]:
    """How the role's containers take turns, and why."""
    if role.strategy:
        return role.strategy, "the config says so"
    if role.publish:
        return "recreate", f"two containers cannot publish port {role.publish[0]}"
    if role.singleton:
        return "recreate", "it must never run twice"
    return "overlap", "it may run twice"


def _title(wanted: Wanted, observed: Mapping[str, Observed]) -> str:
    release = wanted.release
    serving = [host.serving_release for host in observed.values()]
    names = [f"release {r.number} of {r.short_version}" for r in serving if r and r.number != release.number]
    before = ", ".join(dict.fromkeys(names))
    replaced = f" replaces {before}" if before else ""
    return f"{wanted.full_name}: release {release.number} of {release.short_version}{replaced}"


def _role_names(hosts: "list[_HostPlan]") -> list[str]:
    return list(dict.fromkeys(role_name for host in hosts for role_name in host.changes))


def _build(wanted: Wanted, observed: Mapping[str, Observed]) -> Iterator[Step]:
    lacking = [host for host in observed.values() if not host.image]
    if not lacking:
        return
    platforms = {host.platform for host in lacking}
    if wanted.local_image and platforms == {wanted.local_image.platform}:
        return
    name = wanted.release.image
    if not wanted.can_build:
        found = f"is here for {wanted.local_image.platform}" if wanted.local_image else "is neither here nor there"
        raise ImageError(
            f"{lacking[0].host_name} needs the image {name} for {lacking[0].platform}, and it {found}.",
            now="Nothing was done.",
            next=f"Pull or load it here or on {lacking[0].host_name}, or let `build:` make it from a commit.",
        )
    if len(platforms) > 1:
        raise ImageError(
            f"The hosts differ: {', '.join(f'{host.host_name} {host.platform}' for host in lacking)}.",
            now="Nothing was done.",
            next="Deploy to hosts of one kind at a time, with a destination for each kind.",
        )
    why = "the one here is for another processor" if wanted.local_image else "this commit has no image yet"
    yield Build(image_name=name, platform=lacking[0].platform, because=why)


class _HostPlan:
    """What one host needs."""

    def __init__(self, wanted: Wanted, observed: Observed) -> None:
        self.wanted = wanted
        self.observed = observed
        self.release = wanted.releases[observed.host_name]
        self.payload = wanted.payloads[observed.host_name]
        self.host_name = observed.host_name
        self.roles = {name: self.payload.config.roles[name] for name in self.payload.env}
        self._refuse_other_processor()

    def _refuse_other_processor(self) -> None:
        image = self.observed.image
        if image and image.platform != self.observed.platform:
            raise ImageError(
                f"{self.host_name} is {self.observed.platform}, but its {self.release.image} is for {image.platform}.",
                now="Nothing was done.",
                next=f"Remove it there (docker rmi {self.release.image}) and deploy again.",
            )

    def _up_to_date(self, role_name: str) -> Container | None:
        of_release = [
            container
            for container in self.observed.containers
            if container.role_name == role_name
            and container.release_number == self.release.number
            and container.state is ContainerState.RUNNING
            and container.is_committed
        ]
        return max(of_release, key=lambda container: container.deploy_id, default=None)

    def _running(self, role_name: str) -> list[Container]:
        return [c for c in self.observed.containers if c.role_name == role_name and c.is_running]

    def _running_or_coming_back(self, role_name: str) -> list[Container]:
        """Docker starts even a container that someone stopped when the server boots, if its policy is `always`."""
        containers = (c for c in self.observed.containers if c.role_name == role_name)
        return [c for c in containers if c.is_running or c.is_committed]

    @property
    def changed_roles(self) -> list[str]:
        return [name for name in self.roles if not self._up_to_date(name)]

    @property
    def before_commit(self) -> bool:
        return bool(self.changed_roles)

    @property
    def preparation(self) -> Iterator[Step]:
        host_name = self.host_name
        if not self.changed_roles:
            return
        if not self.observed.image:
            yield Ship(host_name=host_name, image_name=self.release.image, because=f"{host_name} does not have it")
        if not self.observed.has_network:
            name = self.wanted.full_name
            yield Network(host_name=host_name, network_name=name, because="containers of a service share one")
        if not self.observed.release(self.release.number):
            yield WriteRelease(host_name=host_name, release=self.release, payload=self.payload)

    @property
    def freed(self) -> Iterator[Stop]:
        """What left this host and must go before the new containers start: a singleton, say, that starts elsewhere."""
        publishes = any(self.roles[name].publish for name in self.changed_roles)
        for container in self._of_removed_roles():
            role = self.payload.config.roles.get(container.role_name)
            must_not_run_twice = role is not None and choose_strategy(role)[0] == "recreate"
            if container.is_running and (publishes or must_not_run_twice):
                yield Stop(
                    host_name=self.host_name,
                    role_name=container.role_name,
                    container_name=container.name,
                    timeout=_STOP_TIMEOUT,
                    was_serving=container.is_committed,
                    because=(
                        "it must not run twice" if must_not_run_twice else "it may hold a port that is published now"
                    ),
                )

    def _of_removed_roles(self) -> list[Container]:
        return [container for container in self.observed.containers if container.role_name not in self.roles]

    @property
    def changes(self) -> dict[str, list[Step]]:
        return {role_name: list(self._role_changes(role_name)) for role_name in self.changed_roles}

    def _role_changes(self, role_name: str) -> Iterator[Step]:
        role, host_name = self.roles[role_name], self.host_name
        strategy, reason = choose_strategy(role)
        serving = [container for container in self._running(role_name) if container.is_committed]
        name = f"{self.wanted.full_name}-{role_name}-r{self.release.number}-{self.wanted.deploy_id}"
        for container in self._running(role_name):
            if strategy == "recreate" or not container.is_committed:
                yield Stop(
                    host_name=host_name,
                    role_name=role_name,
                    because=(f"{strategy}: {reason}" if container.is_committed else "an unfinished deploy left it"),
                    container_name=container.name,
                    timeout=role.stop_timeout,
                    was_serving=container.is_committed,
                )
        yield Start(
            host_name=host_name,
            role_name=role_name,
            because=f"{strategy}: {reason}" if strategy == "overlap" and serving else self._why(role_name),
            spec=container_spec(
                role_name,
                self.payload,
                name=name,
                network_name=self.wanted.full_name,
                image_name=self.release.image,
                labels=self._labels(role_name),
                # two containers of one name would share its traffic before the new one has passed its gate
                aliases=(role_name,) if strategy == "recreate" else (),
            ),
        )
        yield Check(
            host_name=host_name,
            role_name=role_name,
            container_name=name,
            image_name=self.release.image,
            gate=role.gate,
        )
        yield Swap(
            host_name=host_name,
            role_name=role_name,
            container_name=name,
            old_names=tuple(container.name for container in serving) if strategy == "overlap" else (),
        )

    def _why(self, role_name: str) -> str:
        serving = self.observed.serving(role_name)
        return f"release {serving.release_number} serves" if serving else "nothing of it serves"

    def _labels(self, role_name: str) -> dict[str, str]:
        own = {
            Label.SERVICE: self.wanted.full_name,
            Label.ROLE: role_name,
            Label.RELEASE: str(self.release.number),
            Label.VERSION: self.release.version,
            Label.DEPLOY: self.wanted.deploy_id,
        }
        return {label.value: value for label, value in own.items()}

    @property
    def is_uncommitted(self) -> bool:
        """It serves, but the deploy died before it could write that down."""
        record = self.observed.release(self.release.number)
        return record is not None and record.outcome is not ReleaseOutcome.DEPLOYED

    @property
    def commit(self) -> Iterator[Step]:
        if self.changed_roles or self.is_uncommitted:
            yield Commit(host_name=self.host_name, release_number=self.release.number)

    @property
    def after_commit(self) -> list[Step]:
        return [*self._retired(), *self._retired_roles()]

    def _retired(self) -> Iterator[Step]:
        for role_name, role in self.roles.items():
            up_to_date = self._up_to_date(role_name)
            overlaps = choose_strategy(role)[0] == "overlap"
            for container in self._running_or_coming_back(role_name):
                is_stopped_before = (
                    container.is_running and not up_to_date and not (overlaps and container.is_committed)
                )
                if container is up_to_date or is_stopped_before:
                    continue
                yield Retire(
                    host_name=self.host_name,
                    role_name=role_name,
                    container_name=container.name,
                    timeout=role.stop_timeout,
                    because=f"release {self.release.number} serves",
                )

    def _retired_roles(self) -> Iterator[Step]:
        stopped_before = {step.container_name for step in self.freed}
        for container in self._of_removed_roles():
            if (container.is_running or container.is_committed) and container.name not in stopped_before:
                yield Retire(
                    host_name=self.host_name,
                    role_name=container.role_name,
                    container_name=container.name,
                    timeout=_STOP_TIMEOUT,
                    because=f"the config gives {self.host_name} no role {container.role_name}",
                )

    @property
    def pruning(self) -> Iterator[Step]:
        if self.wanted.retain is None or not self.changed_roles:
            return
        beyond = beyond_retention(self.observed, self.release, self.wanted.retain)
        prune = Prune(
            host_name=self.host_name,
            because=f"retain is {self.wanted.retain}",
            container_names=beyond.container_names,
            image_names=beyond.image_names if self.wanted.removes_images else (),
            release_numbers=beyond.release_numbers,
        )
        if prune.container_names or prune.release_numbers:
            yield prune
