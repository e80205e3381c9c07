"""PURE: an accessory of the config, with its secrets and files → everything that makes its container what it is."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

from shipper.config.root import Config
from shipper.config.workloads import Accessory
from shipper.errors import UsageError
from shipper.model.container import Label
from shipper.model.secret import Env, Secret
from shipper.model.specification import ContainerSpec, FileInContainer
from shipper.planning.spec import file_of, port_of, workload_spec

_NO_PART_OF_THE_CONTAINER = {"hosts", "role", "gate", "after", "backup", "restore"}


@dataclass(frozen=True, kw_only=True)
class Placed:
    """One accessory on one host."""

    host_name: str
    name: str
    config: Accessory
    container_name: str

    @property
    def before_name(self) -> str:
        """Of the container that it replaces, until it is well."""
        return f"{self.container_name}-before"


@dataclass(frozen=True, kw_only=True)
class Wanted(Placed):
    """With all that the config says of it."""

    spec: ContainerSpec
    config_hash: str

    @property
    def written_volumes(self) -> tuple[str, ...]:
        """Without the folders of the host."""
        mounts = self.spec.mounts
        return tuple(mount.source for mount in mounts if not mount.read_only and not mount.source.startswith("/"))

    def has_content(self, salted_hash: str) -> bool:
        """Whether its env and its files have the values that this hash is of."""
        return _salted(self.spec.env, self.spec.files, salted_hash.partition(":")[0]) == salted_hash


def wanted(
    full_name: str,
    placed: Placed,
    *,
    secrets: Env,
    texts: Mapping[str, Mapping[str, str]],
    salt: str,
) -> Wanted:
    """`texts` are those of each source that its files name: under the path below it, which is empty for a file."""
    config = placed.config
    env = {variable: _value(given.value, given.secret, secrets) for variable, given in config.env.items()}
    files = tuple(_files(config, secrets, texts))
    labels = {
        Label.SERVICE: full_name,
        Label.ACCESSORY: placed.name,
        Label.CONFIG: config_hash(config),
        Label.CONTENT: _salted(env, files, salt),
    }
    made = workload_spec(
        config,
        name=placed.container_name,
        image_name=config.image,
        network_name=full_name,
        labels={label.value: value for label, value in labels.items()},
        aliases=(placed.name,),
        env=env,
        files=files,
    )
    spec = replace(made, ports=tuple(map(port_of, config.published)), user=config.user)
    return Wanted(
        host_name=placed.host_name,
        name=placed.name,
        config=config,
        container_name=placed.container_name,
        spec=spec,
        config_hash=labels[Label.CONFIG],
    )


def config_hash(config: Accessory) -> str:
    """Of what makes its container; a key that a later version knows changes nothing as long as it is not used."""
    shown = config.model_dump(mode="json", exclude=_NO_PART_OF_THE_CONTAINER, exclude_defaults=True)
    return _digest(json.dumps(shown, sort_keys=True))


def in_order(config: Config, names: Collection[str]) -> Iterator[tuple[str, ...]]:
    """These accessories: first those that wait for none of the others, then those that wait only for these, …"""
    order = TopologicalSorter({name: accessory.after for name, accessory in config.accessories.items()})
    order.prepare()
    while ready := order.get_ready():
        order.done(*ready)
        if meant := tuple(name for name in config.accessories if name in ready and name in names):
            yield meant


def with_those_before(config: Config, names: Collection[str]) -> tuple[str, ...]:
    """These accessories and all that they wait for, in the order of the config."""
    found, new = set[str](), set(names)
    while new:
        found |= new
        new = {other for name in new for other in config.accessories[name].after} - found
    return tuple(name for name in config.accessories if name in found)


def meant(config: Config, names: Collection[str]) -> tuple[str, ...]:
    """Those that are named, all if none is. Raises UsageError."""
    if unknown := [name for name in names if name not in config.accessories]:
        there = ", ".join(config.accessories)
        raise UsageError(
            f'There is no accessory "{unknown[0]}" in the config.',
            now="Nothing was done.",
            next=f"There are: {there}." if there else "The section `accessories` lists them; there is none.",
        )
    if not config.accessories:
        raise UsageError(
            "The config has no accessories.", now="Nothing was done.", next="The section `accessories` lists them."
        )
    return tuple(name for name in config.accessories if not names or name in names)


def _value(text: str | None, secret_name: str | None, secrets: Env) -> Secret:
    return secrets[secret_name] if secret_name else Secret(text or "")


def _files(config: Accessory, secrets: Env, texts: Mapping[str, Mapping[str, str]]) -> Iterator[FileInContainer]:
    for path, file in config.files.items():
        if file.secret:
            yield file_of(path, file, secrets[file.secret])
        else:
            for below, text in texts[file.source or ""].items():
                yield file_of(f"{path}/{below}".rstrip("/"), file, Secret(text))


def _salted(env: Env, files: Collection[FileInContainer], salt: str) -> str:
    """Salted, so that a value that can be guessed cannot be found out from the hash."""
    values = [{name: value.reveal() for name, value in env.items()}, {f.path: f.content.reveal() for f in files}]
    return f"{salt}:{_digest(salt + json.dumps(values, sort_keys=True))}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
