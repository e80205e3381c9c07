"""What a config says beside roles and accessories: how to build, log in, tell, wait."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shipper.config.schema import (
    ApiAddress,
    Command,
    Duration,
    Host,
    Name,
    Port,
    Section,
    Size,
    TelegramChatId,
    Text,
    VariableName,
    contradiction,
    exactly_one,
    matching,
)

DESTINATION = r"[a-z0-9][a-z0-9-]{0,20}"


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
