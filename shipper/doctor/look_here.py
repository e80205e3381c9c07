"""Looks at this machine and the project for `shipper doctor`; nothing is changed, and no secret is kept."""

import asyncio
import platform
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import shipper
from shipper import git, local
from shipper.config.parts import Build
from shipper.doctor.checks.here import AGENT, Builder, Here, Hook, KeyFile, PrivateFile
from shipper.env import environment
from shipper.env.mask import Mask
from shipper.errors import BuildError, ShipperError
from shipper.images.docker_cli import DockerCli
from shipper.model.image import Image
from shipper.model.secret import Secret
from shipper.operations.deployment import available_secrets
from shipper.operations.precautions import refuse_key_in_git
from shipper.operations.unread import unread_names
from shipper.project import Project, key_file
from shipper.tasks import task_group

_DROPPING = r"drop_?[pP]ending_?[uU]pdates['\"]?[[:space:]]*[=:][[:space:]]*['\"]?[tT]rue"
_SOURCES = ("*.py", "*.js", "*.ts", "*.mjs", "*.rb", "*.go", "*.php", "*.java", "*.kt", "*.rs", "*.sh")
_CHECKABLE = re.compile(r"[\w./+-]+")  # the first word of a command that a shell would run as it stands


async def look_here(project: Project, mask: Mask) -> Here:
    async with task_group() as looking:
        building = looking.create_task(_builder(project))
        imaging = looking.create_task(_image(project))
        hooking = looking.create_task(_hooks(project))
        searching = looking.create_task(asyncio.to_thread(git.lines_with, project.root, _DROPPING, *_SOURCES))
    failures: dict[str, ShipperError] = {}
    absent: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    try:
        secrets = await available_secrets(project, mask)
        absent = tuple(
            name for name in project.config.secrets if name not in secrets and not project.config.is_optional(name)
        )
        unread = unread_names(project)
        _render(project, {**secrets} | {name: Secret("absent-here") for name in absent}, failures)
    except ShipperError as error:
        failures["secrets"] = error
    try:
        if credentials := await environment.registry_credentials(project):
            mask.add([credentials.password])
    except ShipperError as error:
        failures["registry password"] = error
    try:
        refuse_key_in_git(project)
    except ShipperError as error:
        failures["ssh key"] = error
    mute: list[str] = []
    for name in project.notifiers:
        try:
            if await environment.notifier_secret(project, name) is None:
                mute.append(name)
        except ShipperError as error:
            failures["notify"] = error
    build = project.config.build
    return Here(
        config=project.config,
        role_names=tuple(name for name in project.config.roles if project.means_role(name)),
        python=platform.python_version(),
        shipper=shipper.__version__,
        commit=project.revision.commit or "",
        nameless=project.revision.lacking,
        is_dirty=project.revision.is_dirty,
        version=project.version,
        absent_secrets=absent,
        unread_names=unread,
        private_files=tuple(_private_files(project)),
        key=_key(project),
        has_pinned=(project.root / project.config.ssh.known_hosts).is_file(),
        tracks_pinned=git.is_tracked(project.root, project.config.ssh.known_hosts),
        builder=building.result(),
        image=imaging.result(),
        hooks=hooking.result(),
        mute_notifiers=tuple(mute),
        dockerfile=_dockerfile(project, build) if build else None,
        dropping=searching.result(),
        failures=failures,
    )


def _render(project: Project, secrets: dict[str, Secret], failures: dict[str, ShipperError]) -> None:
    """As a deploy would, for each role and host. One mistake is told once."""
    for host_name in project.hosts:
        try:
            environment.payload(project, host_name, secrets)
        except ShipperError as error:
            failures["env"] = error
            return


async def _builder(project: Project) -> Builder | None:
    """None where nothing can be built anyway."""
    if not project.can_build:
        return None
    try:
        version, has_buildx, its_platform = await DockerCli(project).abilities()
    except BuildError as error:
        return Builder(error=error)
    return Builder(version=version, has_buildx=has_buildx, platform=its_platform)


async def _image(project: Project) -> Image | None:
    with suppress(ShipperError):
        if not project.version:
            return None
        return await DockerCli(project).find(project.image)
    return None


async def _hooks(project: Project) -> tuple[Hook, ...]:
    """Those whose program is not there, as a shell would look for it."""
    missing = []
    for name, hook in project.config.hooks.items():
        for word in _first_word(hook.command):
            found = await local.run(
                ["/bin/sh", "-c", 'command -v -- "$1"', "sh", word],
                environ=project.environ,
                folder=project.root,
                deadline=project.config.timeouts.call,
            )
            if found.exit_code:
                missing.append(Hook(name=name, program=word))
    return tuple(missing)


def _first_word(command: tuple[str, ...]) -> Iterator[str]:
    if command[:2] != ("/bin/sh", "-c"):
        yield command[0]
        return
    with suppress(ValueError):
        words = shlex.split(command[2])
        if words and _CHECKABLE.fullmatch(words[0]):
            yield words[0]


def _private_files(project: Project) -> Iterator[PrivateFile]:
    """Files with secrets that others on this machine may read."""
    sources = (source.file for source in project.config.secrets.values() if source and source.file)
    for name in (project.config.secrets_file, *sources):
        path = project.root / name
        if path.is_file():
            yield PrivateFile(name=name, is_open=bool(path.stat().st_mode & 0o077))


def _key(project: Project) -> KeyFile:
    ssh = project.config.ssh
    is_set = bool(ssh.key_env and project.environ.get(ssh.key_env))
    path = key_file(project)
    if ssh.key and path and not is_set:
        is_there = path.is_file()
        return KeyFile(name=ssh.key, is_there=is_there, is_open=is_there and bool(path.stat().st_mode & 0o077))
    if ssh.key_env:
        return KeyFile(name=f"${ssh.key_env}", is_there=is_set)
    home = Path(project.environ.get("HOME", "~")).expanduser()
    found = any((home / ".ssh").glob("id_*")) or (home / ".ssh/config").is_file()
    return KeyFile(name=AGENT, is_there=bool(project.environ.get("SSH_AUTH_SOCK")) or found)


def _dockerfile(project: Project, build: Build) -> str:
    """What is wrong with it, if anything is."""
    name = str(Path(build.context, build.dockerfile))
    if not (project.root / name).is_file():
        return f"there is no {name}"
    if not git.is_tracked(project.root, name):
        return f"{name} is not tracked by Git"
    return ""
