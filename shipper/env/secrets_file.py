"""The file of secrets beside the config, which Git ignores: NAME=value lines."""

import re
from collections.abc import Mapping
from pathlib import Path

from shipper import git
from shipper.errors import ConfigError, SecretError


def read(root: Path, name: str) -> dict[str, str]:
    """Nothing where there is no such file. Raises SecretError, and ConfigError with the line."""
    path = root / name
    if not path.is_file():
        return {}
    refuse_in_git(root, name)
    try:
        return variables(path.read_text(encoding="utf-8"), name)
    except (OSError, UnicodeDecodeError) as error:  # its text may hold a secret
        raise SecretError(f"{name} cannot be read: {type(error).__name__}", now="Nothing was done.") from None


def add(root: Path, name: str, values: Mapping[str, str]) -> None:
    """Puts these in the place of lines without a value, else at the end; the file is then its owner's alone.

    Raises SecretError.
    """
    refuse_in_git(root, name)
    path = root / name
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = text.removesuffix("\n").split("\n") if text else []  # as `variables` splits: values hold what else breaks
    left = dict(values)
    for number, line in enumerate(lines):
        if (variable := line.strip().removesuffix("=")) in left and line.strip() != variable:
            lines[number] = f"{variable}={left.pop(variable)}"
    lines += [f"{variable}={value}" for variable, value in left.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.stem}.new{path.suffix}")  # Git ignores it as well, by config/secrets*.env
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    temporary.replace(path)


def refuse_in_git(root: Path, name: str) -> None:
    """What Git has, or would add, ends in the repository or in an image. Raises SecretError."""
    if git.is_tracked(root, name):
        raise SecretError(
            f"{name} is tracked by Git, so its secrets are in the history of the repository.",
            now="Nothing was done.",
            next=f"Run git rm --cached {name}, list it in .gitignore, and replace every secret that was in it.",
        )
    if not git.is_ignored(root, name):
        raise SecretError(
            f"{name} is not ignored by Git, so its secrets would get into the image of a dirty working folder.",
            now="Nothing was done.",
            next=f"List it in .gitignore: echo {name} >> .gitignore",
        )


def variables(text: str, name: str, *, template: str | None = None) -> dict[str, str]:
    """NAME=value lines, the value as it stands; # begins a comment line. As `docker run --env-file` reads them.

    `template` is what the text was rendered from, if it was. Raises ConfigError with the line.
    """
    found: dict[str, str] = {}
    text = text.removeprefix("\ufeff")  # with which some editors begin a file
    for number, line in enumerate(text.split("\n"), start=1):  # splitlines() breaks at characters that values may hold
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        variable, equals, value = line.lstrip().removesuffix("\r").partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
            if template is None or line in template.split("\n")[number - 1 : number]:
                raise ConfigError(f"{name}:{number}: is not NAME=value")
            after = f", after {[*found][-1]}," if found else ""
            raise ConfigError(
                f"{name}: line {number} of what it renders to{after} is not NAME=value",
                next="Each line of that must be NAME=value, a comment, or empty.",
            )
        found[variable] = value
    return found
