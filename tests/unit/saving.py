"""Images as `docker save` writes them."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

Save = Callable[[Path], Path]


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


BASE, LIBRARIES, APP = b"base" * 5000, b"lib" * 300_000, b"app"
LAYERS = (BASE, LIBRARIES, APP, BASE)
"""The lowest one comes a second time."""
CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [*map(digest, LAYERS)]}}
).encode()


def add(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def manifest_of(config: str, layers: list[str]) -> bytes:
    return json.dumps([{"Config": config, "RepoTags": ["old:name"], "Layers": layers, "Kept": "as it is"}]).encode()


def save_as_older_dockers_do(path: Path) -> Path:
    """The lowest layer is there a second time: as a link, since its content is saved already."""
    with tarfile.open(path, "w") as tar:
        for name, content in {"base": BASE, "libraries": LIBRARIES, "app": APP}.items():
            add(tar, f"{name}/VERSION", b"1.0")
            add(tar, f"{name}/layer.tar", content)
        link = tarfile.TarInfo("again/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../base/layer.tar"
        tar.addfile(link)
        add(tar, "config.json", CONFIG)
        names = [f"{name}/layer.tar" for name in ("base", "libraries", "app", "again")]
        add(tar, "manifest.json", manifest_of("config.json", names))
        add(tar, "repositories", b"{}")
    return path


def save_as_oci(path: Path, layers: tuple[bytes, ...] = LAYERS) -> Path:
    """The lowest layer is named twice, and there once."""
    with tarfile.open(path, "w") as tar:
        add(tar, "oci-layout", b"{}")
        for content in dict.fromkeys((*layers, CONFIG)):
            add(tar, blob(content), content)
        add(tar, "manifest.json", manifest_of(blob(CONFIG), [*map(blob, layers)]))
        add(tar, "index.json", b"{}")
    return path


def blob(content: bytes) -> str:
    return f"blobs/{digest(content).replace(':', '/')}"
