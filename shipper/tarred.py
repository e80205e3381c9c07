"""PURE: files as Docker takes them into a container, and gives them from one: in a tar archive."""

import io
import posixpath
import tarfile
from collections.abc import Collection, Iterable, Iterator

from shipper.errors import ConfigError, EngineError
from shipper.model.specification import FileInContainer
from shipper.model.words import size_text

_MOST = 4_000_000  # bytes of an archive that we take, while a deploy needs a few thousand


def tarred(files: Collection[FileInContainer]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in files:
            content = file.content.reveal().encode()
            member = tarfile.TarInfo(file.path.lstrip("/"))
            member.size, member.mode = len(content), file.mode
            member.uid, member.gid = file.user_id, file.group_id
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def untarred(chunks: Iterable[bytes], folder: str, what: str) -> dict[str, bytes]:
    """The contents by path, `folder` being what the paths in the archive begin in; `what` it is of, for errors.

    No more is read than may be there. A symbolic link is the path that it leads to, as Git has it.
    Raises ConfigError and EngineError.
    """
    archive = bytearray()
    for chunk in chunks:
        archive += chunk
        if len(archive) > _MOST:
            raise ConfigError(
                f"{what} takes more than {size_text(_MOST)}.",
                now="Nothing was done.",
                next="Keep there what a deploy needs, and the rest elsewhere.",
            )
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            return {posixpath.normpath(posixpath.join(folder, name)): content for name, content in _contents(tar)}
    except tarfile.TarError:
        raise EngineError(f"Docker did not give all of {what}.") from None


def _contents(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in tar:
        if member.issym():
            yield member.name, member.linkname.encode()
        elif member.isreg() and (content := tar.extractfile(member)):
            yield member.name, content.read()
