"""PURE: containers → a file for Docker Compose that makes the same ones, and the files that it needs beside it.

https://docs.docker.com/reference/compose-file/services/
"""

import math
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shipper.model.secret import Env
from shipper.model.specification import ContainerSpec, FileInContainer, Mount, PublishedPort

# What stands between single quotes as it is, for all that read env files: Compose 1 replaces ${…} even there, and takes
# a backslash in another way than Compose 2. https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
_PLAIN = re.compile(r"(?!.*\$\{)[^'\\\x00-\x1f\x7f]*")


@dataclass(frozen=True, kw_only=True)
class ComposeFiles:
    document: Mapping[str, Any]
    """Of docker-compose.yml. Values of env that no env file can hold stand in it."""
    env_files: Mapping[str, str]
    """By name: with values of secrets."""
    mounted: Mapping[str, FileInContainer]
    """By path below the folder: with values of secrets."""


def compose_files(full_name: str, specs: Mapping[str, ContainerSpec]) -> ComposeFiles:
    """`specs` are for each role what serves of it; their names and labels become those of Compose's containers."""
    volumes = {m.source: m.source for spec in specs.values() for m in spec.mounts if not m.source.startswith("/")}
    document = {
        "services": {role_name: _service(role_name, spec) for role_name, spec in specs.items()},
        "networks": {"default": {"external": True, "name": full_name}},
        **({"volumes": {name: {"external": True, "name": name} for name in volumes}} if volumes else {}),
    }
    return ComposeFiles(
        document=_escaped(document),
        env_files={f"{role_name}.env": _env_file(spec.env) for role_name, spec in specs.items() if _plain(spec.env)},
        mounted={_path(role_name, file): file for role_name, spec in specs.items() for file in spec.files},
    )


def _service(role_name: str, spec: ContainerSpec) -> dict[str, Any]:
    rest = {name: value.reveal() for name, value in spec.env.items() if name not in _plain(spec.env)}
    files = [
        {"type": "bind", "source": f"./{_path(role_name, file)}", "target": file.path, "read_only": False}
        for file in spec.files
    ]
    given = {
        "image": spec.image,
        "container_name": spec.name,
        "command": list(spec.command) if spec.command else None,
        "restart": "always",
        "init": spec.init,
        "env_file": [f"./{role_name}.env"] if _plain(spec.env) else None,
        "environment": rest or None,
        "volumes": [*map(_mount, spec.mounts), *files] or None,
        "ports": [_port(port) for port in spec.ports] or None,
        "mem_limit": spec.memory,
        "cpus": spec.cpus,
        "stop_grace_period": f"{math.ceil(spec.stop_timeout)}s",
        "logging": {"driver": spec.logging.driver, "options": dict(spec.logging.effective_options)},
        "labels": dict(spec.labels) or None,
        "networks": {"default": {"aliases": list(spec.aliases)}} if spec.aliases else None,
    }
    return {key: value for key, value in given.items() if value is not None}


def _plain(env: Env) -> Collection[str]:
    return [name for name, value in env.items() if _PLAIN.fullmatch(value.reveal())]


def _env_file(env: Env) -> str:
    return "".join(f"{name}='{env[name].reveal()}'\n" for name in _plain(env))


def _path(role_name: str, file: FileInContainer) -> str:
    """Below the folder, even if the record on a server has a path with `..`."""
    inside = posixpath.normpath("/" + file.path.lstrip("/"))
    return f"files/{role_name}{inside}"


def _mount(mount: Mount) -> dict[str, Any]:
    kind = "bind" if mount.source.startswith("/") else "volume"
    return {"type": kind, "source": mount.source, "target": mount.target, "read_only": mount.read_only}


def _port(port: PublishedPort) -> str:
    address = f"[{port.address}]" if ":" in port.address else port.address
    return f"{address}{':' * bool(address)}{port.host_port}:{port.container_port}/{port.protocol}"


def _escaped(value: Any) -> Any:
    """Compose replaces $NAME in all values, but $$ by $."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return value


def ownerships(files: ComposeFiles) -> Iterator[tuple[str, int, int]]:
    """Paths whose owner is not root, with user and group."""
    for path, file in files.mounted.items():
        if file.user_id or file.group_id:
            yield path, file.user_id, file.group_id
