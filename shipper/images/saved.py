"""What `docker save` wrote: which layers are in it, and where; nothing of it is held in memory.

Older Dockers write `<id>/layer.tar`, with links where a layer comes twice, newer ones an OCI layout; both describe the
image in `manifest.json`, and name it there by members of the archive.
https://github.com/moby/moby/blob/v28.2.2/image/spec/spec.md
"""

import json
import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHUNK = 64 * 1024
_BLOBS = "blobs/sha256/"
_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer, as it lies in the archive."""

    path: str
    """The archive's member."""
    digest: str
    """Of its bytes as they are: the diffID, unless it is compressed."""
    compression: str
    """gzip, zstd or nothing."""
    file: Path
    """The archive."""
    offset: int
    size: int

    def read(self, begin: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Its bytes from `begin` to before `end`, in pieces."""
        yield from pieces_of(self.file, self.offset + begin, (self.size if end is None else end) - begin)


@dataclass(frozen=True, kw_only=True)
class Saved:
    """An image in a file."""

    file: Path
    manifest: Mapping[str, Any]
    """As it stands in manifest.json; empty where it does not describe one image, as for one of several platforms."""
    config: bytes
    layers: tuple[Layer, ...]
    """From the lowest one up; one content can come more than once."""
    diff_ids: tuple[str, ...]
    """Of the layers."""


def read_saved(file: Path) -> Saved:
    with tarfile.open(file) as tar:
        manifests = json.loads(_content(tar, "manifest.json")) if "manifest.json" in tar.getnames() else []
        if len(manifests) != 1:
            return Saved(file=file, manifest={}, config=b"", layers=(), diff_ids=())
        manifest = manifests[0]
        config = _content(tar, manifest["Config"])
        diff_ids = json.loads(config)["rootfs"]["diff_ids"] or ()
        layers = tuple(_layer(file, tar, *named) for named in zip(manifest["Layers"] or [], diff_ids, strict=True))
    return Saved(file=file, manifest=manifest, config=config, layers=layers, diff_ids=tuple(diff_ids))


def _layer(file: Path, tar: tarfile.TarFile, path: str, diff_id: str) -> Layer:
    member = _member(tar, path)
    content = tar.extractfile(member)
    assert content
    begin = content.read(4)
    return Layer(
        path=path,
        digest=f"sha256:{path.removeprefix(_BLOBS)}" if path.startswith(_BLOBS) else diff_id,
        compression=next((name for magic, name in _COMPRESSIONS.items() if begin.startswith(magic)), ""),
        file=file,
        offset=member.offset_data,
        size=member.size,
    )


def _member(tar: tarfile.TarFile, path: str) -> tarfile.TarInfo:
    member = tar.getmember(path)
    while member.issym():
        member = tar.getmember(posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname)))
    return member


def _content(tar: tarfile.TarFile, path: str) -> bytes:
    file = tar.extractfile(path)
    assert file
    return file.read()


def pieces_of(file: Path, begin: int, length: int) -> Iterator[bytes]:
    """Large ones: each costs some work on its way through SSH."""
    with file.open("rb") as opened:
        opened.seek(begin)
        while piece := opened.read(min(_CHUNK, length)):
            length -= len(piece)
            yield piece
