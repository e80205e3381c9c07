"""What runs on a host, written down for Docker Compose: a way out that needs no shipper."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shipper import git
from shipper.errors import ReleaseNotFound, SecretError, UsageError
from shipper.events import Tell
from shipper.hosts.session import connected
from shipper.model.container import Container
from shipper.model.observed import Observed
from shipper.model.release import Payload
from shipper.model.specification import ContainerSpec
from shipper.observe import observe
from shipper.operations.compose import ComposeFiles, compose_files, ownerships
from shipper.operations.deployment import ignore
from shipper.planning.spec import container_spec
from shipper.planning.strategy import choose_strategy
from shipper.project import Project
from shipper.tasks import together

_ABOUT = """\
# What {full_name} runs on {host_name}, for Docker Compose. Written by `shipper config --compose`: {releases}.
# The values of secrets are in this folder: Git ignores it, and nobody else may read it.
#
# To run it there instead of what shipper started, copy the folder there (as root: rsync -a), and in it:
#   old=$(docker ps --quiet --filter label=shipper.service={full_name} --filter label=shipper.role)
#   docker update --restart no $old && docker stop $old && docker-compose up --detach
# To go back: docker-compose down, then `shipper deploy`.
#
# It is the same but for this:
# - Containers have other names and no label of shipper, so that it does not touch them.
# - The name of each role leads to its container on the network, also of roles that shipper starts side by side.
# - Files are mounted from here, where shipper copies them into the container: what an app writes to them stays.
# - Accessories are not in it: they go on running.
# - Nothing is gated, and the old container is gone before the new one runs.
# - Images stay as they are: none is built, and one that is not there must be pulled or shipped again.
"""
_OWNERS = "# Not given to their owners here, which takes root; as root, in this folder: {commands}\n"


@dataclass(frozen=True, kw_only=True)
class Composed:
    """What was written."""

    folder: str
    host_name: str
    role_names: tuple[str, ...]
    file_names: tuple[str, ...]
    """Below the folder."""


async def write_compose(project: Project, folder: Path, *, tell: Tell = ignore) -> Composed:
    """Writes what serves on one host into a folder that is not there yet: docker-compose.yml, env, mounted files.

    They hold the values of secrets: nobody but the user can read them, and Git ignores them. Raises ShipperError.
    """
    if len(project.hosts) > 1:
        raise UsageError(
            f"There are {len(project.hosts)} hosts, and a Compose file is for one.",
            now="Nothing was written.",
            next=f"Say which: --host {project.hosts[0]}",
        )
    _refuse_folder(project, folder)
    async with connected(project, tell) as worlds:
        (world,) = worlds.values()
        observed = await observe(world, image_name=None, network_name=project.full_name, list_images=True)
        serving = {name: c for name, c in observed.serving_all().items() if project.means_role(name)}
        numbers = {container.release_number for container in serving.values()}
        payloads = await together({number: world.state.payload(number) for number in numbers})
    specs = {name: _spec(project, observed, c, payloads.get(c.release_number)) for name, c in serving.items()}
    if not specs:
        raise ReleaseNotFound(f"{observed.host_name}: nothing serves there.", now="Nothing was written.")
    files = compose_files(project.full_name, specs)
    releases = ", ".join(f"{name} is release {c.release_number}, {c.short_version}" for name, c in serving.items())
    about = _ABOUT.format(full_name=project.full_name, host_name=observed.host_name, releases=releases)
    try:
        names = _write(folder, files, about)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written: {error.strerror}: {error.filename}",
            now="What was written by then is there, and holds values of secrets.",
            next="Remove it, and name another folder.",
        ) from None
    return Composed(
        folder=str(folder), host_name=observed.host_name, role_names=tuple(specs), file_names=tuple(sorted(names))
    )


def _refuse_folder(project: Project, folder: Path) -> None:
    try:
        is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    except OSError as error:
        raise UsageError(f"{folder} cannot be looked at: {error.strerror}", now="Nothing was written.") from None
    if not is_free:
        raise UsageError(f"{folder} is there already, and not empty.", now="Nothing was written.")
    if git.is_tracked(project.root, str(folder.resolve())):
        raise SecretError(
            f"Git tracks files in {folder}, and values of secrets would come into them.",
            now="Nothing was written.",
            next="Name another folder.",
        )


def _spec(project: Project, observed: Observed, container: Container, payload: Payload | None) -> ContainerSpec:
    record, role_name = observed.release(container.release_number), container.role_name
    if not (record and payload):
        raise ReleaseNotFound(
            f"{observed.host_name} has no record of release {container.release_number}, of which {role_name} serves.",
            now="Nothing was written.",
        )
    of_its_name = next((image.id for image in observed.images if record.image in image.names), "")
    recreates = choose_strategy(payload.config.roles[role_name])[0] == "recreate"
    return container_spec(
        role_name,
        payload,
        name=f"{project.full_name}-{role_name}",
        image_name=record.image if of_its_name == container.image_id else container.image_id,
        network_name=project.full_name,
        labels={},
        aliases=(role_name,) if recreates else (),
    )


def _write(folder: Path, files: ComposeFiles, about: str) -> list[str]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    _write_file(folder / ".gitignore", "*\n")
    for name, text in files.env_files.items():
        _write_file(folder / name, text)
    for name, file in files.mounted.items():
        _write_file(folder / name, file.content.reveal())
        (folder / name).chmod(file.mode)
    commands = []
    for name, user_id, group_id in ownerships(files):
        try:
            shutil.chown(folder / name, user_id, group_id)
        except PermissionError:
            commands.append(f"chown {user_id}:{group_id} {name}")
    owners = _OWNERS.format(commands="; ".join(commands)) if commands else ""
    _write_file(folder / "docker-compose.yml", f"{about}{owners}{_yaml(files.document)}")
    return [".gitignore", "docker-compose.yml", *files.env_files, *files.mounted]


def _write_file(path: Path, text: str) -> None:
    """Readable by nobody else, from the beginning."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(text.encode())  # as it is: no line end is translated


class _Dumper(yaml.SafeDumper):
    """Quotes each text that is a value: some readers of YAML take 1e3 for a number and y for true, others for text."""


class _Quoted(str):
    pass


_Dumper.add_representer(_Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.dump(_quoted(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)


def _quoted(value: Any) -> Any:
    if isinstance(value, str):
        return _Quoted(value)
    if isinstance(value, list):
        return [_quoted(item) for item in value]
    if isinstance(value, dict):
        return {key: _quoted(item) for key, item in value.items()}
    return value
