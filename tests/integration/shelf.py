"""Images of the sample app that are there already, for tests that are not about builds: those are half of a deploy."""

import os
import subprocess
from pathlib import Path

from tests.machines import Machine

FILES = ("Dockerfile", "app.sh", "busybox", "www")
"""What the image is made of."""


class Shelf:
    """Makes each image once, for all commits with the same files."""

    def __init__(self, laptop: Machine, server: Machine, folder: Path) -> None:
        self._laptop = laptop
        self._server = server
        self._archive = folder / "image.tar"
        self._kept: dict[str, str] = {}
        """The names of images, by the listings of their files."""

    def give(self, image_name: str, root: Path, listing: str) -> None:
        """Both machines have the image under this name, as if it had been built and shipped."""
        kept = self._kept.setdefault(listing, f"shelf:{len(self._kept) + 1}")
        if not self._tag(kept, image_name):  # the first time, or a test has removed it by its id
            self._make(kept, root)
            assert self._tag(kept, image_name)

    def _tag(self, kept: str, image_name: str) -> bool:
        repository, _, tag = image_name.partition(":")
        path = f"/images/{kept}/tag?repo={repository}&tag={tag}"
        return not any(made.engine("POST", path) for made in (self._laptop, self._server))  # a refusal has words

    def _make(self, kept: str, root: Path) -> None:
        build = ["docker", f"--host={self._laptop.docker_host}", "build", "--quiet", f"--tag={kept}", str(root)]
        subprocess.run(build, env={**os.environ, "DOCKER_BUILDKIT": "0"}, capture_output=True, check=True)
        self._laptop.docker("save", f"--output={self._archive}", kept)
        self._server.docker("load", f"--input={self._archive}")
