"""The schema of config/deploy.yaml: what a Config is, and what it may hold.

The manual for these keys is the commented `config/deploy.yaml` of this repository; `deployfile.py` reads such a file.
"""

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from shipper.config.image_names import ImageName, registry_of
from shipper.config.parts import (
    Build,
    Hook,
    HookName,
    NamedSecret,
    Notifier,
    Promotion,
    Registry,
    ReleaseCommands,
    Rollout,
    Ssh,
    Timeouts,
)
from shipper.config.schema import (
    AbsolutePath,
    Name,
    Section,
    VariableName,
    contradictions,
)
from shipper.config.workloads import (
    Accessory,
    Role,
    Workload,
)


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
    """NAME=value lines; must not be in Git; may be absent. An overlay has its own: `secrets.NAME.env` beside it."""
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
        if others := [name for name in names if name not in files]:
            variables = (((source := self.secrets.get(name)) and source.env) or name for name in others)
            ways.insert(0, f"set {', '.join(variables)} in the environment or in {self.secrets_file}")
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


def json_schema(section: type[Section] = Config, *, title: str = "shipper: config/deploy.yaml") -> dict[str, Any]:
    """JSON Schema of a file that `parse_document` reads, deploy.yaml if no other is named, for editors."""
    schema = section.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = title
    schema["patternProperties"] = {"^x-": {}}
    return schema
