"""Stand-ins for images of Docker Hub, on a real registry that throwaway machines ask before it.

They are made of what Debian has of the same programs, once, and kept in .cache as the registry stores them. So no
program is of the version that the tag says. PostgreSQL is what is installed here; Grafana, which Debian has not, only
says that it is well.
"""

import http.client
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from tests import hub_images
from tests.caching import made_once, run
from tests.hub_images import USERS, Image
from tests.integration.waiting import eventually
from tests.layers import Layer, digest
from tests.machines import Machine, prepare
from tests.singletons import free_port

_PACKAGES = ["prometheus", "prometheus-node-exporter", "redis-server", "redis-tools", "libjemalloc2", "liblzf1"]
_DOWNLOAD = f"""
mkdir "$1"
cd "$1"
apt-get --quiet update
apt-get --quiet download {" ".join(_PACKAGES)}
for package in *.deb; do dpkg-deb --extract "$package" .; done
rm -- *.deb
"""
_BUSYBOX = "/bin/busybox"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@contextmanager
def hub(*machines: Machine) -> Iterator[None]:
    """Docker of these machines gets the images as if it had reached Docker Hub: those of hub_images.py, by their tags.

    What Docker has to be told for that is in its settings: `{"registry-mirrors": [machine.hub]}`.
    """
    folder = _storage()
    registries = [_started(folder, urlsplit(made.hub).netloc) for made in machines]
    try:
        yield
    finally:
        for registry in registries:
            registry.kill()
            registry.wait()


def packages() -> Path:
    """What Debian's packages unpack to; promtool stands in its usr/bin."""
    return made_once("hub-packages", lambda path: run(["sh", "-ec", _DOWNLOAD, "sh", str(path)]), _DOWNLOAD)


def _storage() -> Path:
    return made_once("hub", _fill, Path(__file__).read_text(), Path(hub_images.__file__).read_text())


def _fill(folder: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    registry = _started(folder, address)
    debian, base = packages(), _base().blob()
    for image in hub_images.images(debian):
        _push(address, image, [base, _layer(image, debian).blob()])
    registry.kill()
    registry.wait()


def _base() -> Layer:
    """What they share."""
    layer = Layer()
    layer.folder("/tmp", mode=0o1777)
    for path, line in (("/etc/passwd", "{0}:x:{1}:{1}::/:/bin/sh\n"), ("/etc/group", "{0}:x:{1}:\n")):
        layer.text(path, "".join(line.format(*user) for user in USERS.items()))
    layer.file("/bin/busybox", Path(_BUSYBOX))
    for name in run([_BUSYBOX, "--list"]).split():
        if name != "busybox":
            layer.link(f"/bin/{name}", "busybox")
    return layer


def _layer(image: Image, debian: Path) -> Layer:
    layer = Layer()
    for path, source in image.programs.items():
        layer.file(path, source)
    if image.programs:
        layer.libraries(image.programs.values(), *(debian / "usr/lib").glob("*-linux-gnu"))
    for folder in image.folders:
        layer.file(str(folder), folder)
    for path, owner in image.owned.items():
        layer.folder(path, user_id=USERS[owner])
    for path, text in image.texts.items():
        layer.text(path, text)
    return layer


def _started(folder: Path, address: str) -> subprocess.Popen[bytes]:
    """A registry that answers; it ends with us."""
    storage = {"filesystem": {"rootdirectory": str(folder)}}
    config = {"version": "0.1", "log": {"level": "error"}, "storage": storage, "http": {"addr": address}}
    with tempfile.NamedTemporaryFile("w") as file:
        json.dump(config, file)  # which is YAML as well
        file.flush()
        command = ["setpriv", "--pdeathsig=KILL", "docker-registry", "serve", file.name]
        started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: _answers(address), f"the registry at {address}")
    return started


def _answers(address: str) -> bool:
    with suppress(OSError):
        return bool(_call(address, "GET", "/v2/"))
    return False


def _push(address: str, image: Image, layers: list[tuple[bytes, str]]) -> None:
    """https://distribution.github.io/distribution/spec/api/"""
    blobs = [blob for blob, _ in layers]
    rootfs = {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]}
    made = {"architecture": _architecture(), "os": "linux", "config": image.config, "rootfs": rootfs}
    config = json.dumps(made).encode()
    for blob in (config, *blobs):
        place = urlsplit(_call(address, "POST", f"/v2/{image.name}/blobs/uploads/")["Location"])
        _call(address, "PUT", f"{place.path}?{place.query}&digest={digest(blob)}", blob)
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _descriptor(_CONFIG, config),
        "layers": [_descriptor(_LAYER, blob) for blob in blobs],
    }
    _call(address, "PUT", f"/v2/{image.name}/manifests/{image.tag}", json.dumps(manifest).encode(), _MANIFEST)


def _call(
    address: str, method: str, path: str, body: bytes = b"", kind: str = "application/octet-stream"
) -> http.client.HTTPMessage:
    """The headers of the answer."""
    with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.request(method, path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        assert answer.status < 400, f"{method} {path}: {answer.read()!r}"
        return answer.headers


def _descriptor(kind: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": kind, "size": len(blob), "digest": digest(blob)}


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def main() -> None:
    """Before the tests, as tests/images.py."""
    prepare(print)
    _storage()


if __name__ == "__main__":
    main()
