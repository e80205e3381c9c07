"""The Docker of a later Debian, with buildx, beside that of this machine: for what only newer ones can do."""

import tempfile
from pathlib import Path

from tests.caching import made_once, run

_SUITE = "trixie"
_PACKAGES = ("docker.io", "docker-cli", "docker-buildx")
_SOURCE = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {} {} main\n"
_MIRRORS = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main"]
"""Where this machine's own packages come from."""
_DEBIAN = "http://deb.debian.org/debian"


def programs() -> Path:
    """The folder with `dockerd` and `docker`, and `docker-buildx`, which belongs among the plugins of the CLI."""
    return made_once("newer-docker", _get, _SUITE, *_PACKAGES)


def _get(folder: Path) -> None:
    folder.mkdir()
    with tempfile.TemporaryDirectory() as made:
        lists, unpacked = Path(made, "lists"), Path(made, "unpacked")
        (lists / "partial").mkdir(parents=True)
        mirrors = (mirror for mirror in run(_MIRRORS).split() if "debian" in mirror)  # Ubuntu's have no Debian
        Path(made, "sources.list").write_text(_SOURCE.format(next(mirrors, _DEBIAN), _SUITE))
        options = {"Etc::SourceList": f"{made}/sources.list", "Etc::SourceParts": "-", "State::lists": str(lists)}
        apt = ["apt-get", "--quiet", *(f"--option=Dir::{name}={value}" for name, value in options.items())]
        apt += [f"--option=Dir::Cache={made}/cache", "--option=APT::Sandbox::User=root"]
        run([*apt, "update"])
        run(["env", f"--chdir={made}", *apt, "download", *_PACKAGES])
        for package in Path(made).glob("*.deb"):
            run(["dpkg", "--extract", str(package), str(unpacked)])
        for found in (*unpacked.glob("usr/*bin/*"), *unpacked.glob("usr/libexec/docker/cli-plugins/*")):
            run(["cp", "--archive", str(found), str(folder)])
