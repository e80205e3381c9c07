"""A throwaway registry with a password."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.waiting import eventually
from tests.machines import Machine

NAME = "127.0.0.1:5000"  # where Docker speaks plain HTTP without being told to
USERNAME, PASSWORD = "ann", "pull-and-push"
HTPASSWD = f"{USERNAME}:$2b$04$4pbEHC0.t7oRt8XYonzE0uDKCwGw0CR0ONenzDklovAnR7cEgAe4i\n"  # the password, by bcrypt
CONFIG = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/storage}}}}
http: {{addr: "127.0.0.1:5000", secret: shared}}
auth: {{htpasswd: {{realm: tests, path: {folder}/htpasswd}}}}
"""


@contextmanager
def serving_images(made: Machine, folder: Path) -> Iterator[None]:
    """A registry in the machine's network; those over the same folder have the same images."""
    (folder / "htpasswd").write_text(HTPASSWD)
    (folder / "config.yml").write_text(CONFIG.format(folder=folder))
    with (folder / "log").open("a") as log:
        started = subprocess.Popen(
            [*made.in_network, "docker-registry", "serve", folder / "config.yml"], stdout=log, stderr=log
        )
    eventually(lambda: made.fetched(f"http://{NAME}/") is not None, "the registry answers")
    yield
    started.kill()
    started.wait()
