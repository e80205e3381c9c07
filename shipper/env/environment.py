"""Secrets and the Jinja template → what each container gets."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from shipper import local
from shipper.config.parts import SecretSource
from shipper.env import secrets_file
from shipper.env.mask import Mask
from shipper.errors import ConfigError, SecretError
from shipper.model.image import Credentials
from shipper.model.release import Payload
from shipper.model.secret import Env, Secret
from shipper.project import Project, shared_variables
from shipper.tasks import task_group


async def available_secrets(project: Project) -> dict[str, Secret]:
    """The values that can be had where this runs; a name without a value is left out. Raises SecretError."""
    from_file = secrets_file.read(project.root, project.config.secrets_file)
    async with task_group() as getting:
        tasks = {
            name: getting.create_task(find_value(project, name, source, from_file))
            for name, source in project.config.secrets.items()
        }
    values = {name: found.value for name, task in tasks.items() if (found := task.result()) is not None}
    for name, value in values.items():
        _refuse_no_text(name, value)
    return {name: Secret(value) for name, value in values.items()}


def _refuse_no_text(name: str, value: str) -> None:
    """Docker takes text only, and would replace what is none."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SecretError(f"The value of the secret {name} is no UTF-8.", now="Nothing was done.") from None


async def registry_credentials(project: Project) -> Credentials | None:
    """Those that the config's `registry` names; None where it names nobody. Raises SecretError."""
    registry = project.config.registry
    if not registry or not registry.username:
        return None
    # one registry for all destinations: its password may stand beside the username that the config takes
    found = await find_value(project, "registry.password", registry.password, shared_variables(project))
    if not found or not found.value:
        raise SecretError(
            f"No value for the password of {registry.username} at {project.config.registry_name}.",
            now="Nothing was done.",
            next=(
                f"Set {registry.password.env} in the environment or in {project.config.secrets_file}."
                if registry.password and registry.password.env
                else "`registry.password` in the config says where it comes from."
            ),
        )
    return Credentials(username=registry.username, password=Secret(found.value.rstrip("\r\n")))


async def notifier_secret(project: Project, name: str) -> str | None:
    """The URL of a notifier of the config, or its token; None where that is not known here. Raises ShipperError."""
    source = project.config.notify[name].secret
    found = await find_value(
        project, f"of the notifier {name}", source, secrets_file.read(project.root, project.config.secrets_file)
    )
    return (found.value.strip() or None) if found else None


@dataclass(frozen=True, kw_only=True)
class Found:
    """A value, and what it was found in, in words."""

    value: str = field(repr=False)
    origin: str


async def find_value(
    project: Project, name: str, source: SecretSource | None, from_file: Mapping[str, str]
) -> Found | None:
    """What a deploy here takes for the secret `name`; `from_file` is what `secrets_file` has. Raises SecretError."""
    if source is None:
        return find_variable(project, name, from_file)
    if source.env and (found := find_variable(project, source.env, from_file)):
        return found
    if source.file:
        path = project.root / source.file
        if not path.is_file():
            return None
        secrets_file.refuse_in_git(project.root, source.file)
        try:
            return Found(value=path.read_text(encoding="utf-8"), origin=source.file)
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(f"The file for secret {name} cannot be read: {type(error).__name__}") from None
    if source.command:
        printed = await _printed_by(project, name, source.command)
        return None if printed is None else Found(value=printed, origin="its command")
    return None if source.env else find_variable(project, name, from_file)


def find_variable(project: Project, name: str, from_file: Mapping[str, str]) -> Found | None:
    if value := project.environ.get(name):
        return Found(value=value, origin="the environment")
    value = from_file.get(name, "")
    return Found(value=value, origin=project.config.secrets_file) if value else None


async def _printed_by(project: Project, name: str, command: tuple[str, ...]) -> str | None:
    shown = command[-1] if command[:2] == ("/bin/sh", "-c") else " ".join(command)
    try:
        finished = await local.run(
            command, environ=project.environ, folder=project.root, deadline=project.config.timeouts.call
        )
    except FileNotFoundError:
        return None  # as on a phone's server: the value of the release that serves is taken
    except TimeoutError:
        raise SecretError(f"The command for secret {name} did not end in time: {shown}") from None
    except OSError as error:
        raise SecretError(f"The command for secret {name} cannot be run: {error.strerror}: {shown}") from None
    if finished.exit_code == 127:
        return None
    if finished.exit_code:
        raise SecretError(
            f"The command for secret {name} failed ({finished.exit_code}): {shown}\n{finished.errors}".rstrip(),
            now="Nothing was done.",
        )
    return finished.output.rstrip("\n")


def secrets_in_environ(project: Project) -> list[Secret]:
    """Those that stand in the environment of this process, where its children find them too, whatever they are for."""
    return [Secret(value) for name in _names(project) if (value := project.environ.get(name))]


def _names(project: Project) -> list[str]:
    """Of the variables that hold secrets, if they are set."""
    config = project.config
    sources = {**config.secrets, "registry.password": config.registry and config.registry.password}
    for name, notifier in config.notify.items():
        sources[f"notify.{name}"] = notifier.secret
    return [source.env if source and source.env else name for name, source in sources.items()]


def effective_config(project: Project) -> dict[str, Any]:
    """The config that is in force, as JSON knows it; a secret that `${…}` brought into it is masked."""
    mask = Mask()
    mask.add(secrets_in_environ(project))
    from_file = shared_variables(project)
    mask.add(Secret(value) for name, value in from_file.items() if value and name in _names(project))
    config: dict[str, Any] = _masked(project.config.model_dump(mode="json"), mask)
    return config


def _masked(value: Any, mask: Mask) -> Any:
    """Number by number too, since a secret may be one."""
    if isinstance(value, dict):
        return {name: _masked(item, mask) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, mask) for item in value]
    if isinstance(value, str):
        return mask(value)
    is_secret = not isinstance(value, bool) and mask(str(value)) != str(value)
    return mask(str(value)) if is_secret else value


def check_template(project: Project) -> None:
    """Renders it for each role on each host, with a placeholder for each secret: no value is asked for.

    Raises ConfigError. What a filter makes of a placeholder is no mistake.
    """
    from shipper.env.template import RenderingFailed

    placeholders = {name: Secret("placeholder") for name in project.config.secrets}
    for host_name in project.hosts:
        with suppress(RenderingFailed):
            payload(project, host_name, placeholders)


def complete(project: Project, available: Env, recorded: Env) -> dict[str, Secret]:
    """All secrets of the config: from here, else as the release that serves has them. Raises SecretError."""
    values = {name: available.get(name) or recorded.get(name) for name in project.config.secrets}
    if missing := [name for name, value in values.items() if value is None and not project.config.is_optional(name)]:
        raise SecretError(
            f"No value for the secret{'s' * (len(missing) > 1)} {', '.join(missing)}.",
            now="Neither here nor in a release that serves; nothing was done.",
            next=f"{project.config.where_to_set(missing)}.",
        )
    return {name: value for name, value in values.items() if value is not None}


def payload(project: Project, host_name: str, secrets: Env, roles: Collection[str] | None = None) -> Payload:
    """What roles get on one host; those that the config gives it, if none are named. Raises ShipperError."""
    if roles is None:
        roles = [name for name, role in project.config.roles.items() if host_name in role.hosts]
    return Payload(
        config=project.config,
        env={name: _env(project, name, host_name, secrets) for name in roles},
        files={name: _files(project, name, secrets) for name in roles},
        secrets=secrets,
    )


def _env(project: Project, role_name: str, host_name: str, secrets: Env) -> dict[str, Secret]:
    role = project.config.roles[role_name]
    values = _rendered(project, role_name, host_name, secrets) | dict(role.env)
    for name, value in role.env.items():
        if "\n" in value:
            raise ConfigError(f"roles.{role_name}.env.{name} has a line break: use `files:` for such a value.")
    return {name: Secret(value) for name, value in values.items()}


def _files(project: Project, role_name: str, secrets: Env) -> dict[str, Secret]:
    contents = {}
    for path, file in project.config.roles[role_name].files.items():
        if file.secret:
            if file.secret in secrets:  # an optional one has no value, and no file
                contents[path] = secrets[file.secret]
        elif file.source:
            text = project.read(file.source)
            if text is None:
                raise ConfigError(f"roles.{role_name}.files.{path}.source: there is no file {file.source}.")
            contents[path] = Secret(text)
    return contents


def _rendered(project: Project, role_name: str, host_name: str, secrets: Env) -> dict[str, str]:
    name = project.config.env_template
    text = project.read(name)
    if text is None:
        return {}
    absent = {secret_name: "" for secret_name in project.config.secrets if project.config.is_optional(secret_name)}
    facts: dict[str, Any] = {
        "config": project.config,
        "service": project.config.service,
        "destination": project.destination,
        "release": {"version": project.version, "commit": project.revision.commit, "image": project.image},
        "role": {"name": role_name, **dict(project.config.roles[role_name])},
        "host": host_name,
        "secrets": absent | {secret_name: secret.reveal() for secret_name, secret in secrets.items()},
    }
    from shipper.env.template import render  # it brings jinja2, which was imported while we connected

    return secrets_file.variables(render(text, name, facts), name, template=text)


def changed_names(before: Env, after: Env) -> tuple[str, ...]:
    """Names whose values differ, or that only one of the two has."""
    return tuple(sorted(name for name in {*before, *after} if before.get(name) != after.get(name)))
