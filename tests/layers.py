"""Layers of images, from files of this machine."""

import gzip
import hashlib
import io
import re
import tarfile
from collections.abc import Iterable
from pathlib import Path

from tests.caching import run

_LIBRARY = re.compile(r"^\s(?:\S+ => )?(/\S+) \(0x", re.MULTILINE)


class Layer:
    """What is added to it; and then, once, as a registry wants it."""

    def __init__(self) -> None:
        self._content = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._content, mode="w", dereference=True)

    def file(self, path: str, source: Path) -> None:
        """Also a folder with all that is in it; links become what they point to."""
        self._tar.add(source, path, filter=_of_root)

    def text(self, path: str, text: str) -> None:
        """One that can be executed."""
        added = tarfile.TarInfo(path)
        added.mode, added.size = 0o755, len(text.encode())
        self._tar.addfile(added, io.BytesIO(text.encode()))

    def link(self, path: str, target: str) -> None:
        added = tarfile.TarInfo(path)
        added.type, added.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(added)

    def folder(self, path: str, *, user_id: int = 0, mode: int = 0o755) -> None:
        added = tarfile.TarInfo(path)
        added.type, added.mode, added.uid, added.gid = tarfile.DIRTYPE, mode, user_id, user_id
        self._tar.addfile(added)

    def libraries(self, programs: Iterable[Path], *folders: Path) -> None:
        """All that the programs are linked with, looked for in these folders too; from there they go to /usr/lib."""
        environ = [f"LD_LIBRARY_PATH={':'.join(map(str, folders))}"]
        found = run(["env", *environ, "ldd", *map(str, programs)])
        for library in sorted({Path(name) for name in _LIBRARY.findall(found)}):
            is_ours = library.parent in folders
            self.file(f"/usr/lib/{library.name}" if is_ours else str(library), library)

    def blob(self) -> tuple[bytes, str]:
        """Compressed, and the digest of what it was before."""
        self._tar.close()
        content = self._content.getvalue()
        return gzip.compress(content, compresslevel=1, mtime=0), digest(content)


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _of_root(added: tarfile.TarInfo) -> tarfile.TarInfo:
    added.uid = added.gid = 0
    return added
