"""Containers of ours, and what marks them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shipper.model.release import short
from shipper.model.secret import PRIVATE
from shipper.model.specification import Mount


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
    unnamed: tuple["Mount", ...] = field(default=(), repr=False, metadata=PRIVATE)
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
