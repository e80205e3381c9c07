"""What a run of CI must be given for a deploy: the variables that the config reads, and their values here."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from shipper.config.parts import NamedSecret, SecretSource
from shipper.config.root import Config
from shipper.config.yaml_values import variables_in
from shipper.env import secrets_file
from shipper.env.environment import Found, find_value, find_variable
from shipper.errors import SecretError
from shipper.model.secret import Secret
from shipper.project import Project, config_files, key_file, refuse_in_git, shared_variables

_RESERVED = "GITHUB_"  # no secret may be called so, and each run of GitHub has these anyway


@dataclass(frozen=True, kw_only=True)
class CiVariable:
    """A variable of the environment that the config reads."""

    name: str
    purposes: tuple[str, ...]
    """Where in the config: `ssh.key_env`, `secrets.BOT_TOKEN`, or the file that holds `${NAME}`."""
    places: tuple[str, ...]
    """What a deploy here looks for its value in: a file, beside the environment."""
    is_optional: bool
    """A deploy does without it."""


@dataclass(frozen=True, kw_only=True)
class CiSecret:
    """Such a variable, with what a deploy here takes for it."""

    variable: CiVariable
    value: Secret | None
    origin: str
    """What the value was found in, in words; empty where there is none."""


@dataclass(frozen=True, kw_only=True)
class _Need:
    """A secret that the config asks for, whatever it is for."""

    purpose: str
    name: str
    source: SecretSource
    is_optional: bool

    @property
    def variable_name(self) -> str:
        """Empty where no variable is asked for its value."""
        return self.source.env or ("" if self.source.file or self.source.command else self.name)


class _Use(NamedTuple):
    """Of a variable."""

    purpose: str
    is_optional: bool
    place: str | None


def ci_variables(project: Project) -> tuple[CiVariable, ...]:
    """The variables that the config of the project reads, with the overlay of its destination; no value is looked for.

    A workflow has to pass these to `shipper deploy`, from secrets of the same names.
    """
    return variables_of(project.config, {file: project.read(file) or "" for file in config_files(project)})


async def ci_secrets(project: Project) -> tuple[CiSecret, ...]:
    """The same, with the values that a deploy here takes. Raises SecretError."""
    own, shared = secrets_file.read(project.root, project.config.secrets_file), shared_variables(project)
    of_all = {"registry.password", *config_files(project)}
    return tuple(
        [
            await _with_value(project, variable, shared if of_all.issuperset(variable.purposes) else own)
            for variable in ci_variables(project)
        ]
    )


def variables_of(config: Config, texts: Mapping[str, str]) -> tuple[CiVariable, ...]:
    """PURE: those that the files of a config ({name: text}) hold as `${NAME}`, and those that secrets come from."""
    uses: dict[str, list[_Use]] = {}
    for file, text in texts.items():
        for name, is_needed in variables_in({file: text}).items():
            if not name.startswith(_RESERVED):
                uses.setdefault(name, []).append(_Use(file, not is_needed, config.secrets_file))
    if config.ssh.key_env:
        uses.setdefault(config.ssh.key_env, []).append(_Use("ssh.key_env", False, config.ssh.key))
    for need in _needs(config):
        if need.variable_name:
            of_name = uses.setdefault(need.variable_name, [])
            of_name.append(_Use(need.purpose, need.is_optional, config.secrets_file))
            of_name.append(_Use(need.purpose, need.is_optional, need.source.file))
    return tuple(
        CiVariable(
            name=name,
            purposes=tuple(dict.fromkeys(use.purpose for use in of_name)),
            places=tuple(dict.fromkeys(use.place for use in of_name if use.place)),
            is_optional=all(use.is_optional for use in of_name),
        )
        for name, of_name in uses.items()
    )


def out_of_reach(config: Config) -> tuple[str, ...]:
    """PURE: what no variable can give to CI, as sentences that say what to do."""
    found = (
        [] if config.ssh.key_env else ["ssh has no key_env, so CI has no key to log in with: name a variable there."]
    )
    for need in _needs(config):
        if not need.variable_name:
            what = f"the file {need.source.file}" if need.source.file else "what a command prints"
            found.append(f"{need.purpose} is {what}, which CI may not have: name a variable beside it, by `env`.")
    return tuple(found)


def _needs(config: Config) -> Iterator[_Need]:
    for name, source in config.secrets.items():
        known = source or NamedSecret()
        yield _Need(purpose=f"secrets.{name}", name=name, source=known, is_optional=known.optional)
    others = {f"notify.{name}": notifier.secret for name, notifier in config.notify.items()}
    if config.registry and config.registry.password:
        others["registry.password"] = config.registry.password
    for purpose, of_purpose in others.items():
        yield _Need(purpose=purpose, name=purpose, source=of_purpose, is_optional=False)


async def _with_value(project: Project, variable: CiVariable, from_file: Mapping[str, str]) -> CiSecret:
    is_key = variable.name == project.config.ssh.key_env
    found = find_variable(project, variable.name, {} if is_key else from_file)
    if not found and is_key:
        found = await asyncio.to_thread(_key, project)
    for need in _needs(project.config):
        if not found and need.variable_name == variable.name:
            found = await find_value(project, need.name, need.source, from_file)
    if not found or not found.value:
        return CiSecret(variable=variable, value=None, origin="")
    return CiSecret(variable=variable, value=Secret(found.value), origin=found.origin)


def _key(project: Project) -> Found | None:
    """The private key that a deploy here logs in with, where the config names its file."""
    name, path = project.config.ssh.key, key_file(project)
    if not name or not path or not path.is_file():
        return None
    refuse_in_git(project, path)
    try:
        return Found(value=path.read_text(encoding="utf-8"), origin=name)
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"The private key {name} cannot be read: {type(error).__name__}") from None
