"""A project: the folder, the commit that is meant, and the config and template of that commit.

`opening` finds out which one is meant.
"""

import posixpath
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shipper import git
from shipper.config import deployfile
from shipper.config.parts import Notifier
from shipper.config.root import Config
from shipper.env import secrets_file
from shipper.git import Revision
from shipper.project.config_texts import (
    AS_IT_IS,
    beside_environ,
    files_of,
    read_file,
    secrets_file_in,
    text_in,
    texts_of,
)
from shipper.world import Inside

if TYPE_CHECKING:
    from shipper.hosts.connections import Connections


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
            return text_in(self.files, path)
        return read_file(self.root, self.revision, path)


def config_files(project: Project) -> list[str]:
    """Paths of the config and of its overlay, each laid over the ones before it."""
    return files_of(project.config_file, project.destination)


def key_file(project: Project) -> Path | None:
    """Where the deploy key is, or will be; None where the config names no file for it."""
    name = project.config.ssh.key
    return project.root / Path(name).expanduser() if name else None


def refuse_in_git(project: Project, file: Path) -> None:
    """Raises SecretError where Git has it, or would add it."""
    name = file.relative_to(project.root) if file.is_relative_to(project.root) else file
    secrets_file.refuse_in_git(project.root, str(name))


def shared_secrets_file(project: Project) -> str:
    """That of the config without its overlay: what stands there for `${NAME}` counts for all destinations."""
    if not project.destination:
        return project.config.secrets_file
    named = secrets_file_in(project.read(project.config_file) or "", project.environ)
    return named or str(Config.model_fields["secrets_file"].default)


def shared_variables(project: Project) -> Mapping[str, str]:
    """What `${NAME}` in the config finds beside the environment. Raises SecretError, and ConfigError with the line."""
    names = dict.fromkeys((project.config.secrets_file, shared_secrets_file(project)))
    return ChainMap(*(secrets_file.read(project.root, name) for name in names))


def hosts_as_written(
    root: Path | str = ".", *, config_file: str, destination: str | None, environ: Mapping[str, str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """The hosts in the config of this folder, a plain `${NAME}` wherever a variable stands, and all that have a value.

    deploy@${VPS_HOST}, say. Mistakes are passed over. Raises ConfigError where there is no such file.
    """
    folder, known = Path(root), dict(environ)

    def beside(written: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        known.update({**beside_environ(folder, destination)(written), **environ})
        return _Unfilled()

    roles = deployfile.roles(texts_of(folder, AS_IT_IS, config_file, destination), {}, beside=beside)
    return tuple(dict.fromkeys(host for hosts in roles.values() for host in hosts)), known


class _Unfilled(Mapping[str, str]):
    """An environment in which each variable has its own name for a value."""

    def __getitem__(self, name: str) -> str:
        return f"${{{name}}}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
