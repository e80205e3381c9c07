"""What runs: roles and accessories, with their gates, files and limits."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_serializer, model_validator

from shipper.config.image_names import ImageName
from shipper.config.schema import (
    AbsolutePath,
    Command,
    Duration,
    FileMode,
    FileOwner,
    Host,
    HttpPath,
    Memory,
    Name,
    Port,
    PublishedPort,
    Section,
    Text,
    VariableName,
    Volume,
    contradiction,
    exactly_one,
    matching,
    written_duration,
)


class HttpProbe(Section):
    port: Port
    """Port inside the container; it need not be published."""
    path: HttpPath = "/"
    """Passed by any status from 200 to 399."""
    host: Annotated[str, matching(r"[\w.:-]+", "is not a host name")] | None = None
    """Host header; the container's address if absent."""


class Gate(Section):
    healthcheck: bool = False
    """Execute the HEALTHCHECK command of the image."""
    http: HttpProbe | None = None
    """Ask over HTTP."""
    tcp: Port | None = None
    """Connect to a port inside the container."""
    command: Command | None = None
    """Execute a command in the container; passed by exit code 0."""
    deadline: Duration = 30.0
    """How long the container may take to pass."""
    interval: Duration = 0.5
    """Pause between two probes."""
    timeout: Duration = 5.0
    """How long one probe may take."""
    settle: Duration = 1.0
    """After it passed, the container must go on running for this long."""

    @model_validator(mode="after")
    def _one_probe(self) -> Self:
        given = [name for name in ("healthcheck", "http", "tcp", "command") if getattr(self, name)]
        if len(given) > 1:
            raise contradiction(given[1], f"a gate has one probe, and {given[0]} is given too")
        return self

    def __str__(self) -> str:
        within = f" within {written_duration(self.deadline)}"
        if self.http:
            return f"GET {self.http.path} on port {self.http.port}{within}"
        if self.tcp:
            return f"port {self.tcp} accepts{within}"
        if self.command:
            return f"`{' '.join(self.command)}` succeeds{within}"
        if self.healthcheck:
            return f"the image's HEALTHCHECK succeeds{within}"
        return f"runs for {written_duration(self.settle)}"


class Handover(Section):
    port: Port = 8080
    """Port inside the container where the app tells its state; SHIPPER_HEALTH_PORT in its environment."""
    path: HttpPath = "/health"
    deadline: Duration = 30.0
    """How long the new container may take from the old one's SIGTERM until it says `active`."""


class MountedFile(Section):
    secret: VariableName | None = None
    """Name of the secret that is the content."""
    source: str | None = None
    """File in the repository that is the content; of an accessory also a folder, with all that is in it."""
    mode: FileMode = "0444"
    owner: FileOwner = "0:0"

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        exactly_one(self, "secret", "source")
        return self


class Logging(Section):
    driver: str = "json-file"
    options: dict[str, Text] = {}

    @property
    def effective_options(self) -> dict[str, str]:
        """Docker's own default keeps logs without limit, until the disk is full."""
        limited = self.driver in ("json-file", "local") and not self.options
        return {"max-size": "10m", "max-file": "3"} if limited else self.options


class Workload(Section):
    """What makes a container what it is, beside its image: of a role, and of an accessory."""

    command: Command | None = None
    """Instead of the image's command. Text is given to /bin/sh -c; a list is executed as it stands."""
    gate: Gate | None = None
    """What a new container must pass; else its handover's health, the image's HEALTHCHECK, or running for 5s."""
    volumes: tuple[Volume, ...] = ()
    files: dict[AbsolutePath, MountedFile] = {}
    publish: tuple[PublishedPort, ...] = ()
    memory: Memory | None = None
    cpus: Annotated[float, Field(gt=0)] | None = None
    stop_timeout: Duration = 30.0
    """From SIGTERM to SIGKILL."""
    init: bool = True
    """Run Docker's init as PID 1, so that signals arrive and no zombie stays."""
    logging: Logging = Logging()
    labels: dict[str, Text] = {}

    @model_validator(mode="after")
    def _own_labels(self) -> Self:
        if reserved := [label for label in self.labels if label.startswith("shipper.")]:
            raise contradiction("labels", f"{reserved[0]!r} is a name that shipper keeps for itself")
        return self

    @property
    def named_volumes(self) -> tuple[str, ...]:
        """Without the folders of the host."""
        return tuple(volume.partition(":")[0] for volume in self.volumes if not volume.startswith("/"))


class Role(Workload):
    hosts: Annotated[tuple[Host, ...], Field(min_length=1)]
    """Servers that run this role, each [user@]name[:port]."""
    strategy: Literal["overlap", "handover", "recreate"] | None = None
    """Chosen by shipper, with a reason that `shipper plan` prints, if absent."""
    singleton: bool = False
    """Never two at once."""
    handover: Handover | None = None
    """The app speaks the handover protocol (docs/handover.md): a singleton moves without a gap or a double."""
    env: dict[VariableName, Text] = {}
    """Plain values; what is secret or computed belongs in env.j2."""
    retain: Annotated[int, Field(ge=1)] | None = None
    """Stopped containers that are kept for their logs; one of each release that is kept if absent."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.hosts)) < len(self.hosts):
            raise contradiction("hosts", "names a host twice")
        if self.singleton and len(self.hosts) > 1:
            raise contradiction("singleton", f"never two at once, yet there are {len(self.hosts)} hosts")
        if self.strategy in ("overlap", "handover") and self.publish:
            raise contradiction(
                "strategy", "two containers cannot publish the same port: use recreate, or publish none"
            )
        if self.strategy == "overlap" and self.singleton:
            raise contradiction("strategy", "overlap runs two at once, and singleton forbids it")
        if self.strategy == "handover" and not self.handover:
            raise contradiction("strategy", "handover needs the section `handover`: the app must speak its protocol")
        if self.handover and not self.singleton:
            raise contradiction("handover", "is for a role that must never run twice: say singleton: true")
        return self


def _as_it_is_written(schema: dict[str, Any]) -> None:
    secret = schema["properties"]["secret"]
    by_name = {"type": "object", "properties": {"secret": secret}, "required": ["secret"]}
    written = [{"type": ["string", "number", "boolean"]}, {**by_name, "additionalProperties": False}]
    description = schema["description"]
    schema.clear()
    schema.update(description=description, anyOf=written)


class Variable(Section):
    """Written as the value itself, or as `{ secret: NAME }`."""

    value: Text | None = None
    secret: VariableName | None = None
    """Name of the secret that is the value."""

    model_config = ConfigDict(json_schema_extra=_as_it_is_written)

    @model_validator(mode="before")
    @classmethod
    def _written(cls, given: object) -> object:
        return {"value": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        if (self.value is None) == (self.secret is None):
            raise contradiction("", "needs a text, or { secret: NAME }")
        return self

    @model_serializer
    def _as_written(self) -> object:
        return {"secret": self.secret} if self.secret else self.value


class Accessory(Workload):
    image: ImageName
    """With a tag or digest; the server's Docker pulls it."""
    hosts: tuple[Host, ...] = ()
    """Servers that run it, one container on each; those of `role`, or of the first role, if absent."""
    role: Name | None = None
    """It runs on the hosts of this role."""
    env: dict[VariableName, Variable] = {}
    """Values, or `{ secret: NAME }`. env.j2 is for roles only."""
    user: Annotated[str, matching(r"[\w.-]+(:[\w.-]+)?", "is not user[:group]")] | None = None
    """Instead of the image's."""
    after: tuple[Name, ...] = ()
    """Accessories that must be well before this one starts."""
    backup: Command | None = None
    """Executed in the container; what it prints is the backup."""
    restore: Command | None = None
    """Executed in the container; it reads what `backup` printed."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.hosts and self.role:
            raise contradiction("role", "hosts are given too")
        if len(set(self.hosts)) < len(self.hosts):
            raise contradiction("hosts", "names a host twice")
        return self

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Those that its env and its files are made of."""
        in_env = (given.secret for given in self.env.values())
        return tuple(dict.fromkeys(filter(None, (*in_env, *(file.secret for file in self.files.values())))))

    @property
    def published(self) -> tuple[str, ...]:
        """On loopback where no address is given: an accessory is for its service."""
        return tuple(mapping if mapping.count(":") > 1 else f"127.0.0.1:{mapping}" for mapping in self.publish)
