"""The image that the Dockerfile makes of this tree, on a machine whose Docker keeps the layers from run to run.

No registry is needed: its base is made of Debian's packages, and Python's are downloaded here. The first run takes two
minutes, and so does one with another Dockerfile or requirements.lock; else only the layer of our own code is built.
"""

import base64
import fcntl
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from shipper.images.docker_cli import FIRST_CLI_WITH_BUILDX
from tests.caching import CACHE, hash_of, made_once, run
from tests.machines import Machine, machine
from tests.registries import NAME, PASSWORD, USERNAME, serving_images

ROOT = Path(__file__).parent.parent
IMAGE = "voicebot:built"
_DOCKERFILE, _LOCK = ROOT / "Dockerfile", ROOT / "requirements.lock"

_BASE = "base:debian"
_PACKAGES = "python3,python3-venv,tini,ca-certificates,libstdc++6,passwd"
LEFT_OUT = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "locale", "man")]
_MAKE_BASE = ["mmdebstrap", "--quiet", "--variant=essential", f"--include={_PACKAGES}", *LEFT_OUT, "bookworm"]

_INSTALLER = "base:with-wheels"
BASE_IMAGES = {"BASE": _BASE, "INSTALLER": _INSTALLER}
BASES = tuple(f"--build-arg={name}={image}" for name, image in BASE_IMAGES.items())
"""With these the Dockerfile is built on a machine that has them, without a registry."""
_INSTALLER_DOCKERFILE = f"FROM {_BASE}\nCOPY . /wheels\nENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels\n"
_DOWNLOAD = ["-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps", "--only-binary=:all:"]
_PYTHON = "--python-version=3.11"  # that of the base, whatever ours is


@contextmanager
def machine_with_image(say: Callable[[str], None] = print) -> Iterator[Machine]:
    """A server that has IMAGE. There is one at a time on this machine: who is second waits."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with machine("bots", images=_images()) as made:
            made.run("install -d -m 2770 -g docker /var/lib/shipper")
            _remove_leftovers(made)
            if made.docker("image", "inspect", _INSTALLER).returncode:
                _prepare(made, say)
            build(made, IMAGE, ROOT)
            yield made


def build(made: Machine, image_name: str, context: Path, *options: str) -> None:
    """Builds the Dockerfile of `context` as a user would, but for its bases."""
    _docker(made, "build", f"--tag={image_name}", *BASES, *options, str(context))


def pushed(made: Machine) -> Path:
    """What a registry stores once the machine has pushed IMAGE: to compress its layers takes half a minute."""
    return made_once("pushed", partial(_push, made), _key()) / "storage"


def _push(made: Machine, folder: Path) -> None:
    folder.mkdir()
    login = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {NAME: {"auth": login}}}))
    with serving_images(made, folder):
        _docker(made, "tag", IMAGE, f"{NAME}/voicebot:first")
        run(["docker", f"--config={folder}", f"--host={made.docker_host}", "push", "--quiet", f"{NAME}/voicebot:first"])


def _images() -> Path:
    """Where Docker's images stay; those of other packages go."""
    wanted = CACHE / f"docker-{_key()}"
    for other in set(CACHE.glob("docker-*")) - {wanted}:
        shutil.rmtree(other)
    wanted.mkdir(exist_ok=True)
    return wanted


def _key() -> str:
    return hash_of(_DOCKERFILE.read_text(), _LOCK.read_text(), *_MAKE_BASE, _INSTALLER_DOCKERFILE)


def _remove_leftovers(made: Machine) -> None:
    """Of a run that was killed."""
    if containers := made.docker("ps", "--all", "--quiet").stdout.split():
        _docker(made, "rm", "--force", *containers)
    for kind in ("volume", "network"):
        _docker(made, kind, "prune", "--force")


def _prepare(made: Machine, say: Callable[[str], None]) -> None:
    """Gives the machine what the Dockerfile begins with."""
    say("making a base image of Debian's packages, and getting Python's packages: once, two minutes …")
    base = made_once("base.tar", lambda path: run([*_MAKE_BASE, str(path)]), *_MAKE_BASE)
    _docker(made, "import", str(base), _BASE)
    download = [sys.executable, *_DOWNLOAD, _PYTHON, f"--requirement={_LOCK}", "--dest"]
    wheels = made_once("wheels", lambda path: run([*download, str(path)]), _LOCK.read_text())
    _docker(made, "build", f"--tag={_INSTALLER}", "--file=-", str(wheels), input=_INSTALLER_DOCKERFILE)


def _docker(made: Machine, *arguments: str, input: str = "") -> None:
    """By the builder that shipper takes: what one has built the other need not build again."""
    version = run(["docker", f"--host={made.docker_host}", "version", "--format={{.Client.Version}}"])
    chosen = ["DOCKER_BUILDKIT=1"] if int(version.partition(".")[0]) < FIRST_CLI_WITH_BUILDX else []
    run(["env", *chosen, "docker", f"--host={made.docker_host}", *arguments], input)


def main() -> None:
    """Before the tests, so that nobody wonders why the first one takes minutes."""
    if not any(CACHE.glob(f"docker-{_key()}/*")):
        with machine_with_image() as made:
            pushed(made)


if __name__ == "__main__":
    main()
