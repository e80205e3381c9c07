"""The schema of config/deploy.yaml: what a Config is, and what it may hold.

The manual for these keys is the commented `config/deploy.yaml` of this repository; `deployfile.py` reads such a file.
"""

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_serializer, model_validator

from shipper.config.schema import (
    AbsolutePath,
    ApiAddress,
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
    Size,
    TelegramChatId,
    Text,
    VariableName,
    Volume,
    contradiction,
    contradictions,
    exactly_one,
    matching,
    written_duration,
)

DESTINATION = r"[a-z0-9][a-z0-9-]{0,20}"
ImageName = Annotated[str, matching(r"[\w./:-]+(@sha256:[0-9a-f]{64})?", "is not the name of an image")]


class Build(Section):
    context: str = "."
    """Folder that is sent to the builder, relative to the repository."""
    dockerfile: str = "Dockerfile"
    """Relative to the context."""
    target: str | None = None
    """Stage of a multi-stage Dockerfile."""
    args: dict[str, Text] = {}
    """Build arguments. They are visible in the image's history: no secrets here."""
    cache: Literal["registry"] | None = None
    """Where the builder's cache is kept too, for builders that have none of their own: as <image>:cache."""
    cache_limit: Size | None = None
    """What the builder's cache may take of this machine's disk after a build; nothing of it is touched if absent."""


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


class ReleaseCommands(Section):
    commands: Annotated[tuple[Command, ...], Field(min_length=1)]
    """Run one after the other, once per deploy, in a container of the new image with the new env, before any swap."""
    role: Name | None = None
    """Whose env, files and volumes it has, on the first of its hosts; the first role of the config if absent."""
    deadline: Duration = 600.0
    """For all of them together."""
    irreversible: Text | None = None
    """Why there is no way back from here; a rollback refuses to go back over the release that brings a new reason."""


HookName = Literal["pre-build", "pre-deploy", "post-deploy", "post-failure", "pre-rollback", "post-rollback"]


class Hook(Section):
    command: Command
    """Run where shipper runs, in the folder of the project."""
    deadline: Duration = 300.0


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


class Ssh(Section):
    user: str | None = None
    """Else that of ~/.ssh/config, else yours."""
    port: Port | None = None
    key: str | None = None
    """Path of a private key. Without it: ssh-agent, ~/.ssh/config and the usual files."""
    key_env: VariableName | None = None
    """Environment variable that holds the private key itself, as in CI. Where it is set, it counts, else `key`."""
    proxy_jump: Annotated[tuple[Host, ...], Field(max_length=4)] = ()
    """Hosts to go through, the first one first."""
    known_hosts: str = "config/known_hosts"
    """Pinned host keys, written by `shipper trust`; a host that is not in it is looked up in ~/.ssh/known_hosts."""
    compression: bool = True
    """Of all that goes through the connection; false pays where the line is faster than 200 Mbit/s."""


class SecretSource(Section):
    env: VariableName | None = None
    """Environment variable, where its name differs from the secret's; beside `file` or `command` counts if set."""
    file: str | None = None
    """File whose whole content is the secret."""
    command: Command | None = None
    """Command that prints the secret."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if not self.env:
            exactly_one(self, "env", "file", "command")
        if self.file and self.command:
            raise contradiction("command", "its value comes from `file` already")
        return self


class NamedSecret(SecretSource):
    """One of `secrets`, whose name says where it comes from if nothing else does."""

    optional: bool = False
    """Without a value anywhere it is left out: empty in the template, and no file."""
    generate: bool = False
    """`shipper setup` makes up a value, in `secrets_file`, where there is none."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.file and self.command:
            raise contradiction("command", "its value comes from `file` already")
        return self


Occasion = Literal["start", "success", "failure", "rollback", "freeze"]


class TelegramChat(Section):
    chat: TelegramChatId
    """Number of a chat that the bot is in, or @name of a public channel or group."""
    topic: Annotated[int, Field(ge=1)] | None = None
    """Number of a topic of that group."""
    token: SecretSource
    """Where the token of the bot comes from."""
    buttons: bool = False
    """An opsbot with this token answers them: a deploy that changed what serves ends with "Roll back"."""
    api: ApiAddress = "https://api.telegram.org"
    """Of a Bot API server of your own."""


class Notifier(Section):
    webhook: SecretSource | None = None
    """Where the URL comes from that is sent JSON."""
    apprise: SecretSource | None = None
    """Where the URL comes from, of the kind that https://github.com/caronc/apprise/wiki lists."""
    telegram: TelegramChat | None = None
    """A chat with a message that lives while the deploy does."""
    on: Annotated[tuple[Occasion, ...], Field(min_length=1)] = ("start", "success", "failure", "rollback", "freeze")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        exactly_one(self, "webhook", "apprise", "telegram")
        return self

    @property
    def secret(self) -> SecretSource:
        """Where the URL comes from, or the token of the bot."""
        found = self.webhook or self.apprise or (self.telegram and self.telegram.token)
        assert found
        return found


class Registry(Section):
    username: Text | None = None
    """Without it, what `docker login` left on this machine counts; else nobody is logged in.

    An empty one, which a variable without a value leaves, says that there is no registry.
    """
    password: SecretSource | None = None
    """Or a token. It stays here: no server keeps it."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if self.username != "" and bool(self.username) != bool(self.password):
            given, missing = ("username", "password") if self.username else ("password", "username")
            raise contradiction(given, f"needs a {missing} beside it")
        return self


class Rollout(Section):
    max_parallel: Annotated[int, Field(ge=1)] = 32
    """Hosts that are worked on at the same time."""
    first_host_first: bool = False
    """The first host of the config goes alone; the others follow when all its new containers have passed."""


class Promotion(Section):
    destination: Annotated[str, matching(DESTINATION, "is not the NAME of a deploy.NAME.yaml: a-z, digits and -")]
    """Where the image has to serve, and be healthy, before it is deployed here."""
    soak: Duration = 0.0
    """For how long it has to have run there by then."""


class Timeouts(Section):
    connect: Duration = 10.0
    """Reaching and logging in to one server."""
    call: Duration = 60.0
    """One request to Docker, or one command on a server or for a secret."""
    build: Duration = 3600.0
    ship: Duration = 3600.0
    """Moving one image to one server."""


class Config(Section):
    service: Name
    """Prefix of everything that shipper makes."""
    image: ImageName
    """Repository of the image. With a tag or digest it is taken as it is, and never built."""
    registry: Registry | None = None
    """Where the image is pushed to and pulled from: the server that `image` names, else Docker Hub."""
    build: Build | None = None
    """How to build the image of a commit."""
    roles: Annotated[dict[Name, Role], Field(min_length=1)]
    release: ReleaseCommands | None = None
    """What is done once per deploy before anything swaps: migrations, say."""
    accessories: dict[Name, Accessory] = {}
    """What runs beside the service, and no deploy touches: a database, say."""
    hooks: dict[HookName, Hook] = {}
    """Commands that run where shipper runs."""
    notify: dict[Name, Notifier] = {}
    """Who else is told."""
    ssh: Ssh = Ssh()
    docker_socket: AbsolutePath = "/var/run/docker.sock"
    """On the servers."""
    env_template: str = "config/env.j2"
    """Jinja template that renders to NAME=value lines for each role and host; may be absent."""
    secrets: dict[VariableName, NamedSecret | None] = {}
    """Names, and where each comes from: nothing means the environment, then `secrets_file`."""
    secrets_file: str = "config/secrets.env"
    """NAME=value lines; must not be in Git; may be absent."""
    retain: Annotated[int, Field(ge=1)] = 5
    """Releases that are kept for a rollback."""
    promote_from: Promotion | None = None
    """Only the image that is healthy there is deployed."""
    rollout: Rollout = Rollout()
    timeouts: Timeouts = Timeouts()

    @field_validator("registry")
    @classmethod
    def _none_for_nobody(cls, registry: Registry | None) -> Registry | None:
        return None if registry and registry.username == "" else registry

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = []
        if self.build and self.fixed_version:
            found.append(("build", f"the image {self.image} has a tag, so it is never built: remove one of the two"))
        if self.registry and self.build and "/" not in self.image:
            found.append(("image", f"a registry needs an owner: USER/{self.image} or SERVER/{self.image}"))
        for key, name in self._secrets_of_workloads():
            if name not in self.secrets:
                found.append((key, f'"{name}" is not listed under secrets'))
        if self.release and self.release.role and self.release.role not in self.roles:
            found.append(("release.role", f'"{self.release.role}" is not one of the roles: {", ".join(self.roles)}'))
        spelt: dict[str, str] = {}
        for host_name in self.hosts:
            address = host_name.rpartition("@")[2]
            if spelt.setdefault(address, host_name) != host_name:
                found.append(("roles", f"{host_name} is written as {spelt[address]} too: spell a server in one way"))
        found += self._mistakes_of_accessories()
        for host_name, port, first, second in self._port_clashes():
            found.append((f"{second}.publish", f"port {port} of {host_name} is published by {first} already"))
        if found:
            raise contradictions(found)
        return self

    def is_optional(self, secret_name: str) -> bool:
        source = self.secrets[secret_name]
        return bool(source and source.optional)

    def where_to_set(self, names: Sequence[str]) -> str:
        """What to do about secrets that have no value."""
        files = {name: source.file for name in names if (source := self.secrets.get(name)) and source.file}
        ways = [f"put {name} into the file {file}" for name, file in files.items()]
        if others := ", ".join(name for name in names if name not in files):
            ways.insert(0, f"set {others} in the environment or in {self.secrets_file}")
        if made_up := ", ".join(name for name in names if (source := self.secrets.get(name)) and source.generate):
            ways.append(f"`shipper setup` makes up {made_up}")
        text = "; ".join(ways)
        return text[0].upper() + text[1:]

    def _secrets_of_workloads(self) -> Iterator[tuple[str, str]]:
        workloads: dict[str, Workload] = {f"roles.{name}": role for name, role in self.roles.items()}
        workloads |= {f"accessories.{name}": accessory for name, accessory in self.accessories.items()}
        for name, accessory in self.accessories.items():
            for variable, given in accessory.env.items():
                if given.secret:
                    yield f"accessories.{name}.env.{variable}.secret", given.secret
        for key, workload in workloads.items():
            for path, file in workload.files.items():
                if file.secret:
                    yield f"{key}.files.{path}.secret", file.secret

    def _mistakes_of_accessories(self) -> Iterator[tuple[str, str]]:
        for name, accessory in self.accessories.items():
            key = f"accessories.{name}"
            if name in self.roles:
                yield key, "is the name of a role too: both would be reached by it"
            if (other := name.removesuffix("-before")) != name and other in self.accessories:
                yield key, f"is what the container of {other} is called while it is replaced: name it otherwise"
            if accessory.role and accessory.role not in self.roles:
                yield f"{key}.role", f'"{accessory.role}" is not one of the roles: {", ".join(self.roles)}'
            for host_name in accessory.hosts:
                if host_name not in self.hosts:
                    yield f"{key}.hosts", f"{host_name} runs no role: name one of {', '.join(self.hosts)}"
            for other in accessory.after:
                if other not in self.accessories:
                    yield f"{key}.after", f'"{other}" is not one of the accessories: {", ".join(self.accessories)}'
        try:
            TopologicalSorter({name: accessory.after for name, accessory in self.accessories.items()}).prepare()
        except CycleError as cycle:
            waiting = list(cycle.args[1])[::-1]
            yield f"accessories.{waiting[0]}.after", f"each waits for the next one: {' → '.join(waiting)}"

    def accessory_hosts(self, name: str) -> tuple[str, ...]:
        """Where it runs."""
        accessory = self.accessories[name]
        of_role = self.roles.get(accessory.role) if accessory.role else next(iter(self.roles.values()))
        return accessory.hosts or (of_role.hosts if of_role else ())

    def _port_clashes(self) -> Iterator[tuple[str, str, str, str]]:
        taken: list[tuple[str, str, str, str]] = []
        for key, host_name, mapping in self._published():
            address, _, port = mapping.rpartition(":")[0].rpartition(":")
            port += "/udp" * mapping.endswith("/udp")
            for other_host, other_port, other_address, first in taken:
                overlaps = address == other_address or {address, other_address} & {"", "0.0.0.0", "[::]"}
                if (host_name, port) == (other_host, other_port) and overlaps:
                    yield host_name, port, first.rpartition(".")[2], key
            taken.append((host_name, port, address, key))

    def _published(self) -> Iterator[tuple[str, str, str]]:
        for name, role in self.roles.items():
            yield from ((f"roles.{name}", host_name, port) for host_name in role.hosts for port in role.publish)
        for name, accessory in self.accessories.items():
            hosts = self.accessory_hosts(name)
            yield from ((f"accessories.{name}", host_name, port) for host_name in hosts for port in accessory.published)

    @property
    def fixed_version(self) -> str:
        """The tag or digest that `image` carries, or nothing."""
        last = self.image.rpartition("/")[2]
        return last.partition("@")[2] or last.partition(":")[2]

    @property
    def registry_name(self) -> str:
        """The server that `image` names."""
        return registry_of(self.image)

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(host for role in self.roles.values() for host in role.hosts))


def registry_of(image_name: str) -> str:
    """The server that the name of an image names, by Docker's rule: `docker.io` or `registry.example.org:5000`."""
    first, slash, _ = image_name.partition("/")
    return first if slash and (first == "localhost" or "." in first or ":" in first) else "docker.io"


def repository_of(image_name: str) -> str:
    """Without tag and digest; a colon before the last slash belongs to the server's port."""
    folder, slash, last = image_name.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def json_schema(section: type[Section] = Config, *, title: str = "shipper: config/deploy.yaml") -> dict[str, Any]:
    """JSON Schema of a file that `parse_document` reads, deploy.yaml if no other is named, for editors."""
    schema = section.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = title
    schema["patternProperties"] = {"^x-": {}}
    return schema
