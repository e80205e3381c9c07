"""Names in the file of secrets that nothing in the config reads: a misspelt one would be missed without a word."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from shipper.config.complaints import did_you_mean
from shipper.config.yaml_values import variables_in
from shipper.env import secrets_file
from shipper.errors import ShipperError
from shipper.operations.ci_secrets import ci_variables
from shipper.project import Project, config_files
from shipper.project.opening import at_destination


def unread_names(project: Project) -> tuple[str, ...]:
    """Each with the nearest name that has no value there, if there is one. Raises SecretError, and ConfigError.

    What has no value is not told: a line that is yet to be filled in, or the last one of a value that was pasted over
    several lines, whose "name" is a part of it.
    """
    written = secrets_file.read(project.root, project.config.secrets_file)
    given = {name for name, value in written.items() if value.strip().strip("=")}
    known = {name for one in (project, *_laid_over(project)) for name in _read_by(one)}
    return tuple(f"{name}{did_you_mean(name, sorted(known - given))}" for name in written if name in given - known)


def _read_by(project: Project) -> Iterator[str]:
    yield from (variable.name for variable in ci_variables(project))
    yield from variables_in({file: project.read(file) or "" for file in config_files(project)})


def _laid_over(project: Project) -> Iterator[Project]:
    """The destinations whose overlays find their variables in this file, too; a broken one tells its own mistakes."""
    if project.destination:
        return
    config = Path(project.config_file)
    for path in sorted((project.root / config.parent).glob(f"{config.stem}.*{config.suffix}")):
        with suppress(ShipperError):
            yield at_destination(project, path.name.removeprefix(f"{config.stem}.").removesuffix(config.suffix))
