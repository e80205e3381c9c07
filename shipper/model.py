"""The nouns: what shipper talks about. Plain frozen data, no I/O."""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from shipper.config.root import Config
from shipper.config.workloads import Logging

PRIVATE = {"private": True}
"""Marks a field that is for the record on the server only."""


class Secret:
    """A value that does not show: not in repr, str, format or a traceback. Only `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(•••)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


Env = Mapping[str, Secret]


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


class ReleaseOutcome(StrEnum):
    UNFINISHED = "unfinished"
    DEPLOYED = "deployed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Release:
    """One state of a service that was, or was to be, on one host: its record, without the values in its env."""

    number: int
    version: str
    """Git SHA of the commit, with `-dirty-…` if the tree was dirty; or the tag of a ready-made image."""
    image: str
    image_id: str
    config_hash: str
    env_hash: str = field(metadata=PRIVATE)
    env_salt: str = field(metadata=PRIVATE)
    replaces: int | None
    """The release that served before this one: where a rollback goes."""
    performer: str
    begun_at: datetime
    origin: str = ""
    """From where, as in `Project`; empty in records of older versions."""
    irreversible: str = ""
    """The config's `release.irreversible`: where it differs from that of the release before, there is no way back."""
    outcome: ReleaseOutcome = ReleaseOutcome.UNFINISHED

    @property
    def short_version(self) -> str:
        return short(self.version)


def short(version: str) -> str:
    """A version for people: seven digits of its commit, and what else stands in it."""
    commit = commit_of(version)
    return commit[:7] + version.removeprefix(commit) if commit else version


def commit_of(version: str) -> str:
    """The Git SHA in a version; empty where it names none, being the tag of a ready-made image."""
    commit = version.partition("-")[0]
    return commit if len(commit) == 40 and all(digit in "0123456789abcdef" for digit in commit) else ""


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What a release needs beside its image, for one host: kept there, with the values of its secrets."""

    config: Config
    env: Mapping[str, Env]
    """For each role of the host."""
    files: Mapping[str, Mapping[str, Secret]]
    """For each role of the host: path in the container → content."""
    secrets: Env


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


def setup_command(host_name: str) -> str:
    """What makes a server ready for deploys, where root can log in."""
    return f"shipper setup root@{host_name.rpartition('@')[2]}"


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


def size_text(count: int) -> str:
    """Bytes for people."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


class Label(StrEnum):
    """Marks what is ours, and tells where it is from; nothing without `SERVICE` is ever touched."""

    SERVICE = "shipper.service"
    """With the destination, if there is one: `voicebot-staging`."""
    ROLE = "shipper.role"
    RELEASE = "shipper.release"
    VERSION = "shipper.version"
    DEPLOY = "shipper.deploy"
    HANDOVER = "shipper.handover"
    """Works only while it has its lease: docs/handover.md."""
    RUN = "shipper.run"
    """Serves nobody: it runs one command, as `release` or `exec` says, or shows what is in its image: `files`."""
    ACCESSORY = "shipper.accessory"
    """Its name; of no role and no release, so that what looks at those never sees it."""
    CONFIG = "shipper.config"
    """Of an accessory: the hash of what the config said of it when it was created."""
    CONTENT = "shipper.content"
    """The same of the values of its env and its files: salt:hash."""
    IMAGE = "shipper.image"
    """Of an image that we built: for which service. It is not `SERVICE`, since containers inherit it: what somebody
    starts by hand from an image of ours is not ours."""
    REVISION = "org.opencontainers.image.revision"
    CREATED = "org.opencontainers.image.created"
    SUBJECT = "shipper.subject"
    """Of an image that we built: the first line of the commit's message."""


RELEASE_COMMAND = "release"
"""Of `Label.RUN`."""

# What a deploy has decided of a container stands in its restart policy, where it survives every crash and reboot.
SERVES = "always"
SET_ASIDE = "unless-stopped"  # Docker leaves it alone when the server boots, once it was stopped
SERVES_NOT = "no"


class ContainerState(StrEnum):
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


@dataclass(frozen=True, kw_only=True)
class AccessoryMark:
    """What tells whether the config still says of an accessory what it said when the container was created."""

    config_hash: str
    content_hash: str
    image: str
    """As the config named it."""

    @property
    def salt(self) -> str:
        """Of the content's hash."""
        return self.content_hash.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of ours, as a host's Docker tells it."""

    id: str
    name: str
    role_name: str
    release_number: int
    version: str
    deploy_id: str
    image_id: str
    state: ContainerState
    restart_policy: str
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int = 0
    out_of_memory: bool = False
    address: str = ""
    """On the service's network; empty unless it runs."""
    hands_over: bool = False
    """It works only while it has its lease."""
    health: str = ""
    """What Docker's own look by the image's HEALTHCHECK says: starting, healthy, unhealthy; empty without one."""
    restarts: int = 0
    """How often Docker started it again since it was created."""
    run: str = ""
    """`release`, `exec` or `files` where it serves nobody: as `Label.RUN` says."""
    process_id: int = 0
    """Of its first process, as the server counts; 0 if it does not run."""
    accessory: "AccessoryMark | None" = None
    """Of one that is no role; `role_name` is its name then."""
    volumes: tuple[str, ...] = ()
    """Names of those that it mounts; Docker makes one up where the image asks for a volume that nobody gives it."""
    unnamed: tuple["Mount", ...] = field(default=(), metadata=PRIVATE)
    """Those that nobody named: its image asks for them, and Docker makes a new one for each container."""

    @property
    def short_version(self) -> str:
        return short(self.version)

    @property
    def is_running(self) -> bool:
        return self.state in (ContainerState.RUNNING, ContainerState.RESTARTING, ContainerState.PAUSED)

    @property
    def is_release_command(self) -> bool:
        return self.run == RELEASE_COMMAND

    @property
    def is_session(self) -> bool:
        """Somebody runs a command in it: what it writes is for them."""
        return self.run not in ("", RELEASE_COMMAND)

    @property
    def ended_well(self) -> bool:
        return self.state is ContainerState.EXITED and self.exit_code == 0

    @property
    def is_committed(self) -> bool:
        """A deploy gives the policy `always` to what passed its gate, and takes it from what it replaces.

        In a handover it does so before the new one is active.
        """
        return self.restart_policy == SERVES

    @property
    def is_set_aside(self) -> bool:
        """A deploy has stopped it, or is about to, to make room for a container that is not committed yet."""
        return self.restart_policy == SET_ASIDE

    @property
    def was_stopped(self) -> bool:
        """By a deploy that came no further, or by someone who wanted it."""
        return self.is_set_aside and not self.is_running

    @property
    def has_mark(self) -> bool:
        """A deploy decided that it serves, or is to come back."""
        return self.is_committed or self.is_set_aside

    @property
    def is_in_use(self) -> bool:
        """It runs, comes back at boot, or comes back when the deploy that is under way fails."""
        return self.is_running or self.has_mark


@dataclass(frozen=True, kw_only=True)
class AccessoryEnd:
    """What became of one accessory on one host."""

    host_name: str
    name: str
    verb: str
    """unchanged, booted, replaced, started, restarted, failed, or left: as something that it waits for failed."""
    because: str
    """Of a failure, what went wrong."""
    logs: tuple[str, ...] = ()
    """Of a failure, its last lines."""
    runs: bool | None = None
    """Of a failure, whether the one before runs now; None if the server cannot be asked."""
    next: str = ""
    exit_code: int = 0


@dataclass(frozen=True, kw_only=True)
class Mount:
    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class PublishedPort:
    address: str
    """Empty for all addresses of the host."""
    host_port: int
    container_port: int
    protocol: str = "tcp"


@dataclass(frozen=True, kw_only=True)
class FileInContainer:
    path: str
    content: Secret
    mode: int
    user_id: int
    group_id: int


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """What a command sees of the terminal that it runs at; `kind` is its TERM."""

    kind: str
    columns: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """Everything that makes a container what it is."""

    name: str
    image: str
    network_name: str
    aliases: tuple[str, ...]
    labels: Mapping[str, str]
    command: tuple[str, ...] | None = None
    env: Env = field(default_factory=dict)
    files: tuple[FileInContainer, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    memory: int | None = None
    cpus: float | None = None
    stop_timeout: float = 30.0
    init: bool = True
    user: str | None = None
    """Instead of the image's."""
    logging: Logging = field(default_factory=Logging)
    for_client: bool = False
    """For one client, whose input it reads: it is removed when it ends."""
    terminal: Terminal | None = None


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """Deploys are refused until it is lifted, or is over."""

    performer: str
    reason: str
    since: datetime
    until: datetime | None = None

    @property
    def until_text(self) -> str:
        """Its end, for people: " until 2026-03-01 12:00 UTC"; empty if it has none."""
        return f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One host, as it was when we looked."""

    host_name: str
    platform: str
    containers: tuple[Container, ...]
    """Those that serve, did, or shall."""
    releases: tuple[Release, ...]
    image: Image | None = None
    """The wanted image, if the host has it."""
    has_network: bool = True
    runs: tuple[Container, ...] = ()
    """Those that run one command."""
    stopped_roles: frozenset[str] = frozenset()
    """Roles that somebody stopped with `shipper stop`, as the journal tells; see `stopped`."""
    images: tuple[ListedImage, ...] = ()
    """All that its Docker has, whosever they are; none where they were not asked for."""
    own: Container | None = None
    """That of `containers` in which we run, if it is here."""

    @property
    def role_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(container.role_name for container in self.containers))

    def of_role(self, role_name: str) -> list[Container]:
        """Of the oldest deploy first."""
        mine = (container for container in self.containers if container.role_name == role_name)
        return sorted(mine, key=lambda container: container.deploy_id)

    def serving(self, role_name: str) -> Container | None:
        """What users of this role reach: it runs, passed its gate, and is of the newest deploy that did."""
        return self._trusted([c for c in self.of_role(role_name) if c.is_running])

    def incumbent(self, role_name: str) -> Container | None:
        """What serves, or would if a deploy or someone else had not stopped it: what to go back to."""
        serving, trusted = self.serving(role_name), self._trusted(self.of_role(role_name))
        return trusted if serving is None or (trusted and serving.hands_over) else serving

    def stopped(self, role_name: str) -> Container | None:
        """What served until someone stopped it on purpose: unlike what a deploy stopped, it is not to come back."""
        incumbent = self.incumbent(role_name) if role_name in self.stopped_roles else None
        return incumbent if incumbent and incumbent.was_stopped else None

    def _trusted(self, candidates: list[Container]) -> Container | None:
        committed = [container for container in candidates if container.is_committed]
        set_aside = [container for container in candidates if container.is_set_aside]
        newest = _last(committed or set_aside)
        if newest and newest.hands_over and (len(committed) > 1 or not self._is_deployed(newest)):
            # it has its mark, but the one before was not told to end, or perhaps nobody has seen it active
            marked = sorted(committed + set_aside, key=lambda container: container.deploy_id)
            return _last(marked[: marked.index(newest)]) or newest
        return newest

    def _is_deployed(self, container: Container) -> bool:
        release = self.release(container.release_number)
        return release is not None and release.outcome is ReleaseOutcome.DEPLOYED

    def serving_all(self) -> dict[str, Container]:
        return {role: container for role in self.role_names if (container := self.serving(role))}

    def release(self, number: int) -> Release | None:
        return next((release for release in self.releases if release.number == number), None)

    @property
    def incumbents(self) -> tuple[Container, ...]:
        return tuple(container for role in self.role_names if (container := self.incumbent(role)))

    @property
    def incumbent_release(self) -> Release | None:
        """The newest release that serves in any role, or would."""
        return self.incumbent_release_of(self.role_names)

    def incumbent_release_of(self, role_names: Collection[str]) -> Release | None:
        """The newest that serves in one of these roles, or would."""
        numbers = [c.release_number for c in self.incumbents if c.role_name in role_names]
        return self.release(max(numbers)) if numbers else None


def _last(containers: list[Container]) -> Container | None:
    return containers[-1] if containers else None


TERMINAL = "terminal"
"""Where a deploy comes from if nothing else is known."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds the lock of a service, for those who find it taken."""

    performer: str
    since: str
    purpose: str
    origin: str = TERMINAL
    """From where, as in `Project`; older versions do not tell."""


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """What the last holder of the lock was at when it died."""

    command: str
    """deploy, rollback, restart, stop or start."""
    release_number: int
    role_names: tuple[str, ...] = ()
    """Those that it was to change."""


@dataclass(frozen=True, kw_only=True)
class PastDeploy:
    """One line of `shipper history`."""

    host_name: str
    deploy_id: str
    begun_at: datetime
    performer: str
    origin: str
    """From where: the URL of a CI run, "telegram", "terminal"; empty where an older version did not write it down."""
    version: str
    """As in `Release`; empty like `origin`."""
    title: str
    outcome: str
    """deployed, restarted, stopped, started, unchanged, failed; "under way"; unfinished if it died."""
    seconds: float | None = None
    """From its first entry to its last; None where that is not known."""

    @property
    def short_version(self) -> str:
        return short(self.version)


@dataclass(frozen=True, kw_only=True)
class Serving:
    """One line of `shipper status`."""

    host_name: str
    role_name: str
    container: Container | None
    stopped: Container | None = None
    """What served until `shipper stop`, if that is why nothing does."""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line that a container wrote, secrets masked."""

    at: datetime
    """By the server's clock."""
    host_name: str
    container: Container
    is_error: bool
    """It was written to standard error."""
    text: str


@dataclass(frozen=True, kw_only=True)
class Deployed:
    release: Release
    seconds: float
    exit_code = 0


@dataclass(frozen=True, kw_only=True)
class Unchanged:
    release: Release
    exit_code = 0


@dataclass(frozen=True, kw_only=True)
class Restarted:
    role_names: tuple[str, ...]
    releases: tuple[Release, ...]
    """Those that serve in these roles, the newest first."""
    seconds: float
    exit_code = 0


@dataclass(frozen=True, kw_only=True)
class Started:
    role_names: tuple[str, ...]
    """Those that did not serve."""
    releases: tuple[Release, ...]
    """Those that serve in these roles, the newest first."""
    seconds: float
    exit_code = 0


@dataclass(frozen=True, kw_only=True)
class Stopped:
    role_names: tuple[str, ...]
    """Those that were not stopped before; none if there was nothing to do."""
    seconds: float
    exit_code = 0


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A deploy that was begun and did not end well."""

    step: str
    reason: str
    logs: tuple[str, ...]
    serving: tuple[Serving, ...]
    restored: bool | None
    """Whether what served before still serves, or does again; None if the servers cannot be asked any more."""
    next: str
    error_code: int
    """The exit code of what went wrong; 130 for an interrupt."""

    @property
    def interrupted(self) -> bool:
        return self.error_code == 130

    @property
    def exit_code(self) -> int:
        return self.error_code if self.restored else 21


Outcome = Deployed | Unchanged | Restarted | Started | Stopped | Failed
