"""Images made by hand, which is quicker than to build them; and a Python for containers."""

import hashlib
import io
import itertools
import json
import os
import sys
import tarfile
from pathlib import Path

from tests.machines import Machine

# No image with Python can be pulled here, so a container gets that of this machine, whose files its server sees.
PYTHON = Path(sys.executable).resolve()
_FOLDERS = [path for path in ("/usr", "/lib", "/lib64", sys.base_prefix) if Path(path).exists()]
PYTHON_VOLUMES = [f"{path}:{path}:ro" for path in dict.fromkeys(_FOLDERS)]

_numbers = itertools.count(1)


def layer(size: int = 100_000) -> bytes:
    """Random bytes: no server has them, and they cannot be compressed."""
    return archive({f"file{next(_numbers)}": os.urandom(size)})


def saved_image(folder: Path, image_name: str, layers: list[bytes], architecture: str = "amd64") -> Path:
    """An image as `docker save` writes it."""
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in layers]},
    }
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": [image_name], "Layers": names}]
    described = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    file = folder / f"image{next(_numbers)}.tar"
    file.write_bytes(archive({**dict(zip(names, layers, strict=True)), **described}))
    return file


def load(made: Machine, folder: Path, image_name: str, layers: list[bytes], architecture: str = "amd64") -> str:
    """Gives the machine's Docker an image of these layers."""
    loaded = made.docker("load", "--input", str(saved_image(folder, image_name, layers, architecture)))
    assert loaded.returncode == 0, loaded.stderr
    return image_name


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
