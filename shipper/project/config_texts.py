"""The texts of a config and of files beside it, as a commit, the working folder or an image has them."""

import posixpath
import re
from collections import ChainMap
from collections.abc import Mapping, Sequence
from pathlib import Path

from shipper import git
from shipper.config import deployfile
from shipper.config.documents import read_document
from shipper.config.parts import DESTINATION
from shipper.config.root import Config
from shipper.config.yaml_values import Beside
from shipper.env import secrets_file
from shipper.errors import ConfigError, UsageError
from shipper.git import Revision

CONFIG_FILE = "config/deploy.yaml"
"""Where `shipper init` writes one."""
AS_IT_IS = Revision(version="")
"""The folder as it is, whatever Git says."""


def beside_environ(folder: Path, destination: str | None) -> Beside:
    """`${NAME}` in a config stands in its file of secrets, too, or in that of the config it is laid over."""

    def beside(written: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        first, *laid_over = [file.get("secrets_file") for file in written] or [None]
        names = [first or Config.model_fields["secrets_file"].default]
        if destination:
            names += [name or of_destination(names[0], destination) for name in laid_over]
        return ChainMap(*(secrets_file.read(folder, name) for name in reversed(dict.fromkeys(names))))

    return beside


def roles_in(
    root: Path | str = ".", *, config_file: str, destination: str | None = None, environ: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """The roles of the config in this folder, each with its hosts, without user and port, as far as they can be read.

    For shells that complete a word: mistakes are passed over, and Git is not asked. Raises ConfigError where there is
    no such file.
    """
    texts = texts_of(Path(root), AS_IT_IS, config_file, destination)
    roles = deployfile.roles(texts, environ, beside=beside_environ(Path(root), destination))
    return {name: tuple(map(address_of, hosts)) for name, hosts in roles.items()}


def address_of(host_name: str) -> str:
    """Without the user and the port."""
    address = host_name.rpartition("@")[2]
    return address.partition("]")[0].lstrip("[") if address.startswith("[") else address.partition(":")[0]


def files_of(config_file: str, destination: str | None) -> list[str]:
    if destination is None:
        return [config_file]
    if not re.fullmatch(DESTINATION, destination):
        raise UsageError(
            f"{destination!r} is not the name of a destination.",
            now="Nothing was done.",
            next="Use a-z, digits and -, as in the deploy.NAME.yaml that is meant.",
        )
    return [config_file, of_destination(config_file, destination)]


def of_destination(file: str, destination: str) -> str:
    """What a destination has instead of a file: config/secrets.staging.env, say."""
    path = Path(file)
    return str(path.with_name(f"{path.stem}.{destination}{path.suffix}"))


def texts_of(root: Path, revision: Revision, config_file: str, destination: str | None) -> dict[str, str]:
    return {file: _required(root, revision, file, config_file) for file in files_of(config_file, destination)}


def parsed(root: Path, texts: Mapping[str, str], environ: Mapping[str, str], destination: str | None) -> Config:
    config = deployfile.parse(texts, environ, beside=beside_environ(root, destination))
    if destination and not secrets_file_in([*texts.values()][-1], environ):
        # one that it does not name is its own, since production's secrets must not get to staging by themselves
        own = {"secrets_file": of_destination(config.secrets_file, destination)}
        config = config.model_copy(update=own)
    if config.promote_from and config.promote_from.destination == destination:
        raise ConfigError(
            f"{[*texts][-1]}: promote_from.destination: {destination} cannot be promoted from itself.",
            now="Nothing was done.",
            next="Take it away there: a line `promote_from:` with nothing behind it.",
        )
    return config


def secrets_file_in(text: str, environ: Mapping[str, str]) -> str | None:
    """What one file of a config names as `secrets_file`, if it does."""
    named = read_document({"": text}, environ).values.get("secrets_file")
    return str(named) if named else None


def _required(root: Path, revision: Revision, file: str, config_file: str) -> str:
    text = read_file(root, revision, file)
    if text is None:
        folder = f" in {root.resolve()}" * (not Path(file).is_absolute())
        where = f" in commit {revision.commit}" if revision.from_commit else folder
        overlay = f"-d takes the NAME of a deploy.NAME.yaml beside {config_file}."
        next = _where_config_is(root, file) if file == config_file else overlay
        raise ConfigError(f"{file}: there is no such file{where}.", now="Nothing was done.", next=next)
    return text


def _where_config_is(root: Path, file: str) -> str:
    above = next((folder for folder in root.resolve().parents if (folder / file).is_file()), None)
    if above and not Path(file).is_absolute():
        return f"It is in {above}: go there."
    return (
        "`shipper init` writes a first one." if file == CONFIG_FILE else "-c takes the path of a config that is there."
    )


def _unreadable(path: str, error: Exception) -> ConfigError:
    next = "It must be text in UTF-8 that you may read."
    return ConfigError(f"{path} cannot be read: {error}", now="Nothing was done.", next=next)


def text_in(files: Mapping[str, bytes], path: str) -> str | None:
    content = files.get(posixpath.normpath(path))
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError as error:
        raise _unreadable(path, error) from None


def read_file(root: Path, revision: Revision, path: str) -> str | None:
    if revision.from_commit and revision.commit:
        return git.read(root, revision.commit, path)
    file = root / path
    try:
        return file.read_text(encoding="utf-8")  # whatever the locale says
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
