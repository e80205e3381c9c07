"""A `docker load` archive that leaves out the layers that the server has.

dockerd looks a layer up by its chain (its diffID and those below it) before it opens the archive's member for it, and
so takes an archive without the members that it knows; on the containerd image store it does not.
https://github.com/moby/moby/blob/v24.0.9/image/tarexport/load.go
"""

import json
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHUNK = 256 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 1  # three times as fast as the default, for a tenth more bytes

Layers = Sequence[str]


def known_layers(layers: Layers, on_server: Collection[Layers]) -> int:
    """How many of the lowest layers the server has, given the layers of each of its images."""

    def common(other: Layers) -> int:
        pairs = zip(layers, other, strict=False)
        return next(
            (index for index, (ours, theirs) in enumerate(pairs) if ours != theirs),
            min(len(layers), len(other)),
        )

    return max(map(common, on_server), default=0)


@dataclass
class Archive:
    """What `docker save` wrote, sent without its `left_out` lowest layers, or as it is; counts what goes."""

    saved: Path
    image_name: str
    left_out: int
    sent: int = 0
    """Bytes that travelled so far: compressed."""

    def size(self) -> int:
        """Bytes that will be on the server's disk."""
        if not self.left_out:
            return self.saved.stat().st_size
        with tarfile.open(self.saved) as tar:
            return sum(_length(tar, path) for path in self._sent_layers(tar))

    def chunks(self, on_chunk: Callable[[], None]) -> Iterator[bytes]:
        """The archive, gzipped. Calls `on_chunk` after each piece."""
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        for piece in self._without_layers() if self.left_out else _pieces_of(self.saved):
            if packed := packer.compress(piece):
                self.sent += len(packed)
                yield packed
            on_chunk()
        packed = packer.flush()
        self.sent += len(packed)
        yield packed

    def _without_layers(self) -> Iterator[bytes]:
        with tarfile.open(self.saved) as tar:
            manifest = _manifest(tar)
            described = json.dumps([{**manifest, "RepoTags": [self.image_name]}]).encode()
            yield from _member("manifest.json", len(described), iter([described]))
            for path in [manifest["Config"], *self._sent_layers(tar)]:
                yield from _member(path, _length(tar, path), _content(tar, path))
        yield bytes(2 * tarfile.BLOCKSIZE)

    def _sent_layers(self, tar: tarfile.TarFile) -> list[str]:
        return list(dict.fromkeys(_manifest(tar)["Layers"][self.left_out :]))


def can_leave_out(saved: Path) -> bool:
    """Whether `docker save` described the image as `docker load` wants it; images of several platforms are not."""
    with tarfile.open(saved) as tar:
        return "manifest.json" in tar.getnames()


def _pieces_of(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(_CHUNK):
            yield piece


def _manifest(tar: tarfile.TarFile) -> dict[str, Any]:
    file = tar.extractfile("manifest.json")
    assert file
    manifest: dict[str, Any] = json.load(file)[0]
    return manifest


def _length(tar: tarfile.TarFile, path: str) -> int:
    file = tar.extractfile(path)  # follows the links by which older Dockers save a layer only once
    assert file
    return file.seek(0, 2)


def _content(tar: tarfile.TarFile, path: str) -> Iterator[bytes]:
    file = tar.extractfile(path)
    assert file
    while chunk := file.read(_CHUNK):
        yield chunk


def _member(path: str, length: int, content: Iterator[bytes]) -> Iterator[bytes]:
    header = tarfile.TarInfo(path)
    header.size = length
    yield header.tobuf(tarfile.GNU_FORMAT)
    yield from content
    yield bytes(-length % tarfile.BLOCKSIZE)
