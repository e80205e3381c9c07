"""A login for Docker's CLI that lasts as long as a block, with the password in no argv and in no file.

It is in the environment, where a credential helper takes it up.
https://docs.docker.com/reference/cli/docker/login/#credential-helper-protocol
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shipper.errors import RegistryError
from shipper.model.image import Credentials
from shipper.project import Project

_HUB = "https://index.docker.io/v1/"  # what Docker's config calls docker.io
_HELPER = '#!/bin/sh\nprintf %s "$SHIPPER_REGISTRY_LOGIN"\n'


@contextmanager
def logged_in(project: Project, login: Credentials | None) -> Iterator[Mapping[str, str]]:
    """Environment with which Docker's CLI knows the login, beside all else that the user has set up for it."""
    if not login:
        yield {}
        return
    home = Path(project.environ.get("DOCKER_CONFIG") or Path(project.environ.get("HOME", "/"), ".docker"))
    name = project.config.registry_name
    server = _HUB if name == "docker.io" else name
    with tempfile.TemporaryDirectory(prefix="shipper-docker-") as made:
        folder = Path(made)
        for entry in home.iterdir() if home.is_dir() else ():  # contexts, plugins, builders
            (folder / entry.name).symlink_to(entry.absolute())
        config = folder / "config.json"
        settings = _settings(home / "config.json")
        config.unlink(missing_ok=True)
        settings.pop("auths", None)  # a SIGKILL would leave a copy of the passwords in it
        helpers = {**settings.get("credHelpers", {}), server: "shipper"}
        config.write_text(json.dumps({**settings, "credHelpers": helpers}))
        helper = folder / "docker-credential-shipper"
        helper.write_text(_HELPER)
        helper.chmod(0o700)
        secret = {"ServerURL": server, "Username": login.username, "Secret": login.password.reveal()}
        yield {
            "DOCKER_CONFIG": str(folder),
            "DOCKER_AUTH_CONFIG": "",  # Docker's CLI since 28 would take it before any helper
            "PATH": f"{folder}:{project.environ.get('PATH', '')}",
            "SHIPPER_REGISTRY_LOGIN": json.dumps(secret),
        }


def _settings(file: Path) -> dict[str, Any]:
    """What the user has set up for Docker's CLI. Raises RegistryError."""
    try:
        return dict(json.loads(file.read_text())) if file.exists() else {}
    except (OSError, ValueError, TypeError):
        raise RegistryError(
            f"{file} cannot be read, or is no JSON object.",
            now="Nothing was pushed.",
            next="Mend it, or set DOCKER_CONFIG to another folder.",
        ) from None
