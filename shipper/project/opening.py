"""Finds out which project is meant: the folder, the commit, the config of that commit, and of this what is meant."""

import difflib
import getpass
import platform
import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shipper import git
from shipper.config.root import Config
from shipper.errors import ConfigError, UsageError
from shipper.git import Revision
from shipper.model.records import TERMINAL
from shipper.model.release import commit_of
from shipper.project import Project, ci, config_files
from shipper.project.config_texts import AS_IT_IS, address_of, parsed, text_in, texts_of
from shipper.world import Inside

if TYPE_CHECKING:
    from shipper.hosts.connections import Connections


def open_project(
    root: Path | str = ".",
    *,
    config_file: str = "config/deploy.yaml",
    destination: str | None = None,
    revision: str | None = None,
    digest: str | None = None,
    hosts: Collection[str] = (),
    roles: Collection[str] = (),
    environ: Mapping[str, str],
    from_ci: bool = False,
    performer: str | None = None,
    origin: str | None = None,
    connections: "Connections | None" = None,
    shown_in: Collection[tuple[int | str, int | None]] = (),
    inside: Inside | None = None,
) -> Project:
    """Finds out what is meant, and reads its config.

    `revision` is anything that Git resolves to a commit; the config is then that commit's. Without it, the working
    folder counts as it is. `destination` ("staging") lays `deploy.staging.yaml` over the config.
    `digest` ("sha256:…", as `push` tells it) binds `plan_deploy` and `deploy` to one image: what bears the name of the
    version by now does not count, and nothing is built.
    `hosts` and `roles` say which of the config's are meant, all if there are none; a host may be named without its
    user and port.
    With `from_ci`, `environ` must tell of a run of CI, whose commit counts where no revision is named.
    `performer` ("ann (Telegram)") and `origin` ("telegram") are for the record; without them, `environ` tells whether
    this is a run of GitHub Actions or GitLab CI, and else it is the user at a terminal.
    `connections` are kept by a process that lives for long: what only looks goes over them, instead of logging in.
    `shown_in` are chats of Telegram, each with a topic or None, that `notify` leaves out: who opens the project shows
    there himself what happens.
    `inside` is for a process that may run in a container of this very service: it goes last, and lives to the end.
    Raises ConfigError, SourceError, and UsageError where a host or role is not in the config, or CI does not tell.
    """
    folder = Path(root).resolve()
    meant = git.revision(folder, ci.revision_of_run(environ, revision) if from_ci else revision)
    config = parsed(folder, texts_of(folder, meant, config_file, destination), environ, destination)
    _refuse_no_digest(digest, config)
    made = Project(
        root=folder,
        config=config,
        destination=destination,
        revision=meant,
        digest=digest,
        environ=environ,
        performer=performer or ci.performer_of_run(environ) or f"{_user()}@{platform.node()}",
        origin=origin or ci.url_of_run(environ) or TERMINAL,
        config_file=config_file,
        connections=connections,
        shown_in=tuple((str(chat), topic) for chat, topic in shown_in),
        inside=inside,
    )
    return _narrowed(made, hosts, roles)


def with_files_of(base: Project, version: str, files: Mapping[str, bytes], place: str) -> Project:
    """The same project at another version, whose config, template and files are those among `files`, by path.

    `place` is where these are, for errors. How servers are reached stays as `base` has it: a version may be older than
    they are. Raises ConfigError, and UsageError where a host or role that is meant is not in that config.
    """
    texts = {}
    for file in config_files(base):
        text = text_in(files, file)
        if text is None:
            raise ConfigError(
                f"{place}: there is no {file} in its working folder, so nothing tells how that version is run.",
                now="Nothing was deployed.",
                next=f"Let the Dockerfile copy {posixpath.dirname(file) or file} there, and .dockerignore let it pass.",
            )
        texts[f"{place}: {file}"] = text
    config = parsed(base.root, texts, base.environ, base.destination)
    reached = {"ssh": base.config.ssh, "docker_socket": base.config.docker_socket}
    made = replace(
        base,
        config=config.model_copy(update=reached),
        revision=Revision(version=version, commit=commit_of(version) or None),
        files=files,
    )
    return _narrowed(made, base.host_names, base.role_names)


def at_destination(project: Project, destination: str) -> Project:
    """The same version at another destination, all of it, as one who looks there sees it. Raises ConfigError."""

    def config_of(revision: Revision) -> Config:
        texts = texts_of(project.root, revision, project.config_file, destination)
        return parsed(project.root, texts, project.environ, destination)

    config = config_of(project.revision if project.files is None else AS_IT_IS)
    there = replace(project, destination=destination, config=config, host_names=(), role_names=(), inside=None)
    if project.files is None:
        return there
    return with_files_of(there, project.version, project.files, f"image {project.image}")


def _refuse_no_digest(digest: str | None, config: Config) -> None:
    if digest is not None and not re.fullmatch("sha256:[0-9a-f]{64}", digest):
        raise UsageError(
            f'"{digest}" is no digest of an image, which is sha256: and 64 hexadecimal digits.',
            now="Nothing was done.",
            next="shipper push tells it, and writes it into GITHUB_OUTPUT as `digest`.",
        )
    if digest and "@" in config.image and not config.image.endswith(f"@{digest}"):
        raise UsageError(f"The config says {config.image}, which is not {digest}.", now="Nothing was done.")


def _narrowed(made: Project, hosts: Collection[str], roles: Collection[str]) -> Project:
    """Raises UsageError where one of these is not in the config."""
    config = made.config
    narrowed = replace(
        made,
        host_names=tuple(_named(name, config.hosts, "host", known_as=address_of) for name in hosts),
        role_names=tuple(_named(name, config.roles, "role") for name in roles),
    )
    if not narrowed.hosts:
        raise UsageError(
            f"No host among {', '.join(narrowed.host_names)} runs {' or '.join(narrowed.role_names)}.",
            now="Nothing was done.",
        )
    return narrowed


def _named(given: str, there: Collection[str], kind: str, known_as: Callable[[str], str] = lambda name: name) -> str:
    """Which of those in the config is meant. Raises UsageError."""
    if found := next((name for name in there if given in (name, known_as(name))), None):
        return found
    nearest = difflib.get_close_matches(given, [*there, *map(known_as, there)], n=1)
    raise UsageError(
        f'There is no {kind} "{given}" in the config.',
        now="Nothing was done.",
        next=f'Did you mean "{nearest[0]}"?' if nearest else f"There are: {', '.join(there)}.",
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return "unknown"
