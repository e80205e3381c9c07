"""The Docker of a later Debian, with buildx, beside that of this machine: for what only newer ones can do."""

import shutil
import tempfile
from pathlib import Path

from tests.caching import made_once, run

_SUITE = "trixie"
_PACKAGES = "docker.io,docker-cli,docker-buildx"
_PROGRAMS = (
    "usr/sbin/dockerd",
    "usr/sbin/docker-proxy",
    "usr/bin/docker",
    "usr/libexec/docker/cli-plugins/docker-buildx",
)


def programs() -> Path:
    """The folder with `dockerd` and `docker`, and `docker-buildx`, which belongs among the plugins of the CLI."""
    return made_once("newer-docker", _get, _SUITE, _PACKAGES, *_PROGRAMS)


def _get(folder: Path) -> None:
    folder.mkdir()
    with tempfile.TemporaryDirectory() as made:
        unpacked = Path(made, "unpacked")
        which = [f"--include={_PACKAGES}", '--aptopt=APT::Install-Recommends "false"', _SUITE]
        run(["mmdebstrap", "--quiet", "--variant=extract", *which, str(unpacked)])
        for program in _PROGRAMS:
            shutil.copy(unpacked / program, folder)


if __name__ == "__main__":
    programs()
