"""A project: the folder, the commit that is meant, and the config and template of that commit."""

import difflib
import getpass
import platform
import posixpath
import re
from collections import ChainMap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shipper import ci, git
from shipper.config import deployfile
from shipper.config.documents import read_document
from shipper.config.parts import DESTINATION, Notifier
from shipper.config.root import Config
from shipper.config.yaml_values import Beside
from shipper.env import secrets_file
from shipper.errors import ConfigError, UsageError
from shipper.git import Revision
from shipper.model.records import TERMINAL
from shipper.model.release import commit_of
from shipper.world import Inside

if TYPE_CHECKING:
    from shipper.hosts.connections import Connections

_HERE = Revision(version="")
"""The folder as it is, whatever Git says."""


@dataclass(frozen=True, kw_only=True)
class Project:
    root: Path
    """Paths in the config are relative to this folder."""
    config: Config
    destination: str | None
    revision: Revision
    digest: str | None = None
    """Of the image that is meant, as a registry knows it, or its id where there is none; else what has the version's
    name."""
    environ: Mapping[str, str] = field(repr=False)
    """Where secrets, `${…}` and the settings of Docker's and other CLIs come from."""
    performer: str
    """Who deploys, for the record."""
    origin: str
    """From where: the URL of a CI run, "telegram", "terminal"."""
    host_names: tuple[str, ...] = ()
    """Those that are meant, as the config writes them; all if there are none. See `hosts`."""
    role_names: tuple[str, ...] = ()
    """Those that are meant; all if there are none."""
    config_file: str = "config/deploy.yaml"
    files: Mapping[str, bytes] | None = field(default=None, repr=False)
    """What the image of the version carries, by path, where that is what config and template come from."""
    connections: "Connections | None" = field(default=None, repr=False, compare=False)
    """Over which all goes that only looks; without them each look logs in anew."""
    shown_in: tuple[tuple[str, int | None], ...] = ()
    """Chats of Telegram, each with a topic or none, where whoever opened the project shows himself what happens."""
    inside: Inside | None = field(default=None, repr=False)
    """Of who deploys from a container of the service itself."""

    @property
    def notifiers(self) -> dict[str, Notifier]:
        """Those of the config that are to be told."""
        return {
            name: notifier
            for name, notifier in self.config.notify.items()
            if not notifier.telegram or (notifier.telegram.chat, notifier.telegram.topic) not in self.shown_in
        }

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that are meant, in the order of the config: those of `host_names` that run a role that is meant."""
        roles = [role for name, role in self.config.roles.items() if self.means_role(name)]
        wanted = dict.fromkeys(host_name for role in roles for host_name in role.hosts)
        return tuple(name for name in wanted if name in (self.host_names or wanted))

    @property
    def affected_hosts(self) -> tuple[str, ...]:
        """The hosts that a change of what serves has to ask, also if it means one role only; `--host` leaves some out.

        The role may still run where the config has it no more, and the number of a release must be free on all.
        """
        return tuple(name for name in self.config.hosts if name in (self.host_names or self.config.hosts))

    def means_role(self, role_name: str) -> bool:
        return not self.role_names or role_name in self.role_names

    @property
    def version(self) -> str:
        """Names the image's tag, and the release."""
        return self.config.fixed_version or self.revision.version

    @property
    def image(self) -> str:
        return self.config.image if self.config.fixed_version else f"{self.config.image}:{self.version}"

    @property
    def can_build(self) -> bool:
        """Whether there is a commit, and the config says how to make its image."""
        return self.config.build is not None and self.revision.tree is not None and not self.digest

    @property
    def lacks_its_files(self) -> bool:
        """A version was named, and there is no Git that knows it: config and template are the folder's, not its own.

        See `project_of`. An image that someone else made has no config of ours.
        """
        is_only_named = bool(self.revision.version) and self.revision.tree is None
        return is_only_named and self.files is None and not self.config.fixed_version

    @property
    def full_name(self) -> str:
        """Of the service with its destination: what containers, network and state folder are named after."""
        return f"{self.config.service}-{self.destination}" if self.destination else self.config.service

    @property
    def paths(self) -> tuple[str, ...]:
        """Of the files that `read` is asked for: the template, and what roles get as it stands."""
        sources = (file.source for role in self.config.roles.values() for file in role.files.values())
        return tuple(posixpath.normpath(path) for path in (self.config.env_template, *sources) if path)

    def read_all(self, path: str) -> dict[str, str]:
        """The text of a file, under no name; or of all files in a folder, each under its path from there."""
        if (text := self.read(path) if path in self._file_paths(path) else None) is not None:
            return {"": text}
        found = {posixpath.relpath(name, path): self.read(name) for name in self._file_paths(path)}
        return {name: text for name, text in found.items() if text is not None}

    def _file_paths(self, path: str) -> tuple[str, ...]:
        """That of a file, or those of all files in a folder."""
        if self.files is not None:
            return tuple(sorted(name for name in self.files if f"{name}/".startswith(f"{posixpath.normpath(path)}/")))
        if self.revision.from_commit and self.revision.commit:
            return git.paths(self.root, self.revision.commit, path)
        folder = self.root / path
        found = [folder] if folder.is_file() else sorted(file for file in folder.rglob("*") if file.is_file())
        return tuple(str(file.relative_to(self.root)) for file in found)

    def read(self, path: str) -> str | None:
        """The text of a file, as the commit that is deployed has it."""
        if self.files is not None:
            return _text_in(self.files, path)
        return _read(self.root, self.revision, path)


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
    config = _parsed(folder, _texts(folder, meant, config_file, destination), environ, destination)
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
        text = _text_in(files, file)
        if text is None:
            raise ConfigError(
                f"{place}: there is no {file} in its working folder, so nothing tells how that version is run.",
                now="Nothing was deployed.",
                next=f"Let the Dockerfile copy {posixpath.dirname(file) or file} there, and .dockerignore let it pass.",
            )
        texts[f"{place}: {file}"] = text
    config = _parsed(base.root, texts, base.environ, base.destination)
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
        texts = _texts(project.root, revision, project.config_file, destination)
        return _parsed(project.root, texts, project.environ, destination)

    config = config_of(project.revision if project.files is None else _HERE)
    there = replace(project, destination=destination, config=config, host_names=(), role_names=(), inside=None)
    if project.files is None:
        return there
    return with_files_of(there, project.version, project.files, f"image {project.image}")


def config_files(project: Project) -> list[str]:
    """Paths of the config and of its overlay, each laid over the ones before it."""
    return _files(project.config_file, project.destination)


def shared_secrets_file(project: Project) -> str:
    """That of the config without its overlay: what stands there for `${NAME}` counts for all destinations."""
    if not project.destination:
        return project.config.secrets_file
    text = project.read(project.config_file) or ""
    named = read_document({project.config_file: text}, project.environ).values.get("secrets_file")
    return str(named or Config.model_fields["secrets_file"].default)


def shared_variables(project: Project) -> Mapping[str, str]:
    """What `${NAME}` in the config finds beside the environment. Raises SecretError, and ConfigError with the line."""
    names = dict.fromkeys((project.config.secrets_file, shared_secrets_file(project)))
    return ChainMap(*(secrets_file.read(project.root, name) for name in names))


def _beside(folder: Path) -> Beside:
    """`${NAME}` in a config stands in its file of secrets, too, or in that of the config it is laid over."""

    def beside(written: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        first, *laid_over = [file.get("secrets_file") for file in written] or [None]
        names = dict.fromkeys([first or Config.model_fields["secrets_file"].default, *filter(None, laid_over)])
        return ChainMap(*(secrets_file.read(folder, name) for name in reversed(names)))

    return beside


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
        host_names=tuple(_named(name, config.hosts, "host", known_as=_address) for name in hosts),
        role_names=tuple(_named(name, config.roles, "role") for name in roles),
    )
    if not narrowed.hosts:
        raise UsageError(
            f"No host among {', '.join(narrowed.host_names)} runs {' or '.join(narrowed.role_names)}.",
            now="Nothing was done.",
        )
    return narrowed


def roles_in(
    root: Path | str = ".", *, config_file: str, destination: str | None = None, environ: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """The roles of the config in this folder, each with its hosts, without user and port, as far as they can be read.

    For shells that complete a word: mistakes are passed over, and Git is not asked. Raises ConfigError where there is
    no such file.
    """
    texts = _texts(Path(root), _HERE, config_file, destination)
    roles = deployfile.roles(texts, environ, beside=_beside(Path(root)))
    return {name: tuple(map(_address, hosts)) for name, hosts in roles.items()}


def hosts_as_written(
    root: Path | str = ".", *, config_file: str, destination: str | None, environ: Mapping[str, str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """The hosts in the config of this folder, a plain `${NAME}` wherever a variable stands, and all that have a value.

    deploy@${VPS_HOST}, say. Mistakes are passed over. Raises ConfigError where there is no such file.
    """
    folder, known = Path(root), dict(environ)

    def beside(written: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        known.update({**_beside(folder)(written), **environ})
        return _Unfilled()

    roles = deployfile.roles(_texts(folder, _HERE, config_file, destination), {}, beside=beside)
    return tuple(dict.fromkeys(host for hosts in roles.values() for host in hosts)), known


class _Unfilled(Mapping[str, str]):
    """An environment in which each variable has its own name for a value."""

    def __getitem__(self, name: str) -> str:
        return f"${{{name}}}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


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


def _address(host_name: str) -> str:
    """Without the user and the port."""
    address = host_name.rpartition("@")[2]
    return address.partition("]")[0].lstrip("[") if address.startswith("[") else address.partition(":")[0]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        return "unknown"


def _files(config_file: str, destination: str | None) -> list[str]:
    if destination is None:
        return [config_file]
    if not re.fullmatch(DESTINATION, destination):
        raise UsageError(f"{destination!r} is not the name of a destination: use a-z, digits and -.")
    path = Path(config_file)
    return [config_file, str(path.with_name(f"{path.stem}.{destination}{path.suffix}"))]


def _texts(root: Path, revision: Revision, config_file: str, destination: str | None) -> dict[str, str]:
    return {file: _required(root, revision, file, config_file) for file in _files(config_file, destination)}


def _parsed(root: Path, texts: Mapping[str, str], environ: Mapping[str, str], destination: str | None) -> Config:
    config = deployfile.parse(texts, environ, beside=_beside(root))
    if config.promote_from and config.promote_from.destination == destination:
        raise ConfigError(
            f"{[*texts][-1]}: promote_from.destination: {destination} cannot be promoted from itself.",
            now="Nothing was done.",
            next="Take it away there: a line `promote_from:` with nothing behind it.",
        )
    return config


def _required(root: Path, revision: Revision, file: str, config_file: str) -> str:
    text = _read(root, revision, file)
    if text is None:
        where = f"commit {revision.commit}" if revision.from_commit else str(root)
        first = "`shipper init` writes a first one."
        next = first if file == config_file else f"-d takes the NAME of a deploy.NAME.yaml beside {config_file}."
        raise ConfigError(f"{file}: there is no such file in {where}.", next=next)
    return text


def _text_in(files: Mapping[str, bytes], path: str) -> str | None:
    content = files.get(posixpath.normpath(path))
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None


def _read(root: Path, revision: Revision, path: str) -> str | None:
    if revision.from_commit and revision.commit:
        return git.read(root, revision.commit, path)
    file = root / path
    try:
        return file.read_text(encoding="utf-8")  # whatever the locale says
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
