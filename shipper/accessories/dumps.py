"""The data of an accessory: from its container into a file of this machine, and back."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from shipper import git
from shipper.accessories.inside import executed, place_of
from shipper.accessories.looking import secrets_of
from shipper.accessories.wanted import meant
from shipper.accessories.whole import given_whole
from shipper.env.mask import masking
from shipper.errors import AccessoryCommandFailed, CommandNotStarted, SecretError, UsageError
from shipper.events import StepFinished, StepProgressed, StepStarted, Tell, Warned
from shipper.hosts.session import connected
from shipper.model.specification import Terminal
from shipper.model.words import size_text
from shipper.operations.deployment import holding, ignore
from shipper.operations.precautions import refuse_if_frozen
from shipper.project import Project
from shipper.world import World

_CHUNK = 262_144  # bytes
_LAST = 4_000  # characters of what a command complains
_NEWS = 1_000_000  # bytes: not each piece is news


async def backup(project: Project, name: str, file: Path, *, tell: Tell = ignore) -> int:
    """Writes what the accessory's `backup` command prints to a file of this machine, which must not be there; bytes.

    Nor may Git be about to add it. The file appears whole, or not at all. Takes no lock: a deploy may go on meanwhile.
    Raises ShipperError.
    """
    command = _command(project, name, "backup")
    host_name = place_of(project, name)
    _refuse(project, file)
    with masking(tell) as (tell, mask):
        with suppress(SecretError):  # it runs already: a value that is not here only cannot be masked
            await secrets_of(project, (name,), mask)
        async with connected(project, tell, [host_name]) as worlds:
            with appearing(file) as stream:
                said = _Said(tell, "backup", host_name, name)
                console = _Streams(_to_file(stream, said), said)
                said.begin(command)
                await _carried_out(project, worlds[host_name], name, command, console, said)
                if not said.done:  # of `dump | gzip` the shell tells how gzip ended, and nothing of the dump
                    raise AccessoryCommandFailed(
                        f"backup of {name} printed nothing.",
                        now="There is no backup.",
                        next=f"accessories.{name}.backup in the config is the command that has to print it.",
                    )
    return said.done


async def restore(
    project: Project, name: str, file: Path, *, force: bool = False, wait: float = 0.0, tell: Tell = ignore
) -> int:
    """Gives a file of this machine to the accessory's `restore` command; bytes.

    The command sees the end of its input only where all of the file arrived; else it is killed. Whether a failed one
    changes anything is its business. A freeze refuses it, unless with `force`: who froze deploys to mend the data must
    not have to lift the freeze for that. Raises ShipperError.
    """
    command = _command(project, name, "restore")
    host_name = place_of(project, name)
    _refuse_pipe(file)
    with masking(tell) as (tell, mask):
        with suppress(SecretError):
            await secrets_of(project, (name,), mask)
        asked = connected(project, tell, [host_name])
        async with asked as worlds, holding(project, worlds, f"restore of {name}", wait):
            if not force:
                await refuse_if_frozen(
                    worlds, next="shipper unlock lifts the freeze; with --force it is restored all the same."
                )
            with _opened(file) as stream:
                length = os.fstat(stream.fileno()).st_size
                said = _Said(tell, "restore", host_name, name, total=length)
                console = _Streams(lambda data: None, said, source=stream)
                said.begin(command)
                try:
                    await _carried_out(project, worlds[host_name], name, given_whole(command, length), console, said)
                except CommandNotStarted as error:
                    raise AccessoryCommandFailed(
                        error.what,
                        now="Nothing was restored.",
                        next="A restore needs sh, tee and wc in the image: they see to it that all of FILE arrives.",
                    ) from None
    return said.done


def _command(project: Project, name: str, key: str) -> tuple[str, ...]:
    meant(project.config, (name,))
    command: tuple[str, ...] | None = getattr(project.config.accessories[name], key)
    if not command:
        raise UsageError(
            f"The config does not say how {name} is {'backed up' if key == 'backup' else 'restored'}.",
            now="Nothing was done.",
            next=f"accessories.{name}.{key} is the command for that, which runs in its container.",
        )
    return command


async def _carried_out(
    project: Project, world: World, name: str, command: tuple[str, ...], console: "_Streams", said: "_Said"
) -> None:
    """Raises AccessoryCommandFailed where the command does not end with 0."""
    begun = world.clock.monotonic()
    code = await executed(project, world, name, command, console)
    if code:
        raise AccessoryCommandFailed(
            f"{said.step} of {name} failed with exit code {code}: {said.complaints.strip()}".rstrip(": "),
            next=f"accessories.{name}.{said.step} in the config is the command that failed.",
        )
    said.end(world.clock.monotonic() - begun)


class _Said:
    """How far it has come, and what the command complained of."""

    def __init__(self, tell: Tell, step: str, host_name: str, name: str, total: int = 0) -> None:
        self._tell = tell
        self._place = {"step": step, "host_name": host_name, "role_name": name}
        self._total = total
        self.step = step
        self.done = 0
        """Bytes."""
        self._told = 0
        self.complaints = ""

    def begin(self, command: tuple[str, ...]) -> None:
        shown = command[-1] if command[:2] == ("/bin/sh", "-c") else " ".join(command)
        self._tell(StepStarted(**self._place, because=f"`{shown}`"))

    @property
    def left(self) -> int:
        return self._total - self.done

    def count(self, length: int) -> None:
        self.done += length
        if self.done - self._told < _NEWS:
            return
        self._told = self.done
        detail = f"of {size_text(self._total)}" * bool(self._total)
        self._tell(StepProgressed(**self._place, done=self.done, total=self._total, unit="bytes", detail=detail))

    def complain(self, text: str) -> None:
        self.complaints = (self.complaints + text)[-_LAST:]

    def end(self, seconds: float) -> None:
        if self.complaints.strip():
            self._tell(Warned(text=f"It said: {self.complaints.strip()}"))
        self._tell(StepFinished(**self._place, seconds=seconds, detail=size_text(self.done)))


class _Streams:
    """A console whose input is a file or nothing, and whose output is taken as bytes."""

    terminal: Terminal | None = None

    def __init__(self, take: Callable[[bytes], None], said: _Said, source: BinaryIO | None = None) -> None:
        self._take = take
        self._said = said
        self._source = source

    def attached(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def read(self) -> bytes:
        data = self._source.read(min(_CHUNK, self._said.left)) if self._source else b""  # it may have grown
        if data:
            self._said.count(len(data))
        return data

    async def write(self, data: bytes, *, to_errors: bool) -> None:
        if to_errors:
            self._said.complain(data.decode(errors="replace"))
        else:
            self._take(data)

    async def resized(self) -> tuple[int, int]:
        raise NotImplementedError("it has no terminal")


def _to_file(stream: BinaryIO, said: _Said) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        try:
            stream.write(data)
        except OSError as error:
            raise UsageError(
                f"The backup cannot be written: {error.strerror}.", now="Nothing of it was kept."
            ) from None
        said.count(len(data))

    return take


def _refuse(project: Project, file: Path) -> None:
    if file.exists():
        raise UsageError(f"{file} is there already.", now="Nothing was done.", next="Name another file.")
    if not git.is_ignored(project.root, str(file.absolute())):
        raise UsageError(
            f"{file} would not be ignored by Git, so all that is in it would get into the next image.",
            now="Nothing was done.",
            next="Name a file elsewhere, or one that .gitignore lists: echo '*.dump' >> .gitignore",
        )


@contextmanager
def appearing(file: Path) -> Iterator[BinaryIO]:
    """A file that is there when all is in it and on the disk; readable for nobody else, as it may hold anything."""
    new = file.with_name(f".{file.stem}.new{file.suffix}")  # Git ignores it as well, by *.dump
    try:
        new.unlink(missing_ok=True)  # a kill may have left it
        new.touch(mode=0o600, exist_ok=False)
        with new.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _name(new, file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.", now="Nothing of it was kept.") from None
    finally:
        new.unlink(missing_ok=True)


def _name(new: Path, file: Path) -> None:
    try:
        file.hardlink_to(new)  # unlike a rename it overwrites nothing
    except FileExistsError:
        raise
    except OSError:  # a disk may know no links: FAT, a share of Windows, many a FUSE
        if file.exists():
            raise
        new.rename(file)


def _refuse_pipe(file: Path) -> None:
    """Whoever writes into one may have died, and nobody here could tell."""
    if file.exists() and not file.is_file():
        raise UsageError(
            f"{file} is no file, so nobody can tell whether all of it has come.",
            now="Nothing was done.",
            next="Write it to a file before.",
        )


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    try:
        stream = file.open("rb")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", now="Nothing was done.") from None
    with stream:
        yield stream
