"""The one seam: the few verbs that a deploy uses on the world, and a clock.

`host.py`, `engine.py`, `records.py` and `images/` speak them for real.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shipper.hosts.usage import Sample
from shipper.model.container import Container
from shipper.model.image import Credentials, Image, ListedImage, Published
from shipper.model.records import Freeze, Holder
from shipper.model.release import Payload, Release, ReleaseOutcome
from shipper.model.specification import ContainerSpec, Terminal
from shipper.model.status import Disk


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A command that has ended."""

    exit_code: int
    output: str
    errors: str = ""
    """What it wrote to standard error, where that is told apart."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an HTTP probe got."""

    status: int
    body: str


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Where a Docker keeps its images."""

    folder: str
    is_containerd: bool
    """The containerd image store, which names and loads images in another way than the classic one."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a step has come; `total` is 0 while it is not known."""

    done: int
    total: int
    unit: str
    detail: str = ""


Report = Callable[[Progress], None]


class Clock(Protocol):
    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


class ByteReader(Protocol):
    async def read(self, n: int) -> bytes:
        """Up to `n`; nothing at the end."""


class ByteWriter(Protocol):
    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None:
        """Waits until there is room for more."""


Serve = Callable[[ByteReader, ByteWriter], Awaitable[None]]
"""Deals with one connection, which is closed when it returns."""


class Host(Protocol):
    """A server, as SSH reaches it. Each verb raises ConnectError when it cannot."""

    async def connect_tcp(self, address: str, port: int, timeout: float) -> None:
        """Connects, and closes."""

    async def http_get(self, address: str, port: int, path: str, timeout: float, header: str | None = None) -> Answer:
        """`header` is the Host header; the address if absent."""

    async def disk(self, folder: str) -> Disk | None:
        """That which the folder is on; None where the server does not tell."""

    async def samples(self, process_ids: Collection[int]) -> dict[int, Sample]:
        """What the containers of these processes use; without those that are gone, or that the server does not show."""

    def serving(self, serve: Serve) -> AbstractAsyncContextManager[int]:
        """Listens on the server's 127.0.0.1 while the block lasts; gives the port. Raises ForwardingDisabled too."""

    def unless_left(self, script: str, *arguments: str) -> AbstractAsyncContextManager[None]:
        """Runs a script of /bin/sh there if the connection ends while the block lasts, as when we are killed."""


class Engine(Protocol):
    """The Docker of a server. Containers go by name. Each verb raises EngineError, NotThere or ConnectError."""

    async def platform(self) -> str:
        """os/architecture."""

    async def storage(self) -> Storage: ...
    async def has_network(self, network_name: str) -> bool: ...
    async def create_network(self, network_name: str) -> None: ...
    async def own_networks(self) -> tuple[str, ...]:
        """Names of those that were made for this service."""

    async def remove_network(self, network_name: str) -> None:
        """Refused while a container is in it."""

    async def volumes(self) -> tuple[str, ...]:
        """Names of all that the Docker has, whosever they are."""

    async def writers(self, volume_names: Collection[str]) -> dict[str, str]:
        """Which of these volumes a container that runs and is not of this service may write into, with its name."""

    async def remove_volume(self, volume_name: str) -> None:
        """With all that is in it. Refused while any container mounts it, running or not."""

    async def containers(self) -> tuple[Container, ...]:
        """All of this service, whatever their state; also its accessories, and those that run one command."""

    async def accessories(self) -> tuple[Container, ...]:
        """Those of this service, whatever their state."""

    async def container(self, container_name: str) -> Container: ...
    async def create(self, spec: ContainerSpec) -> None:
        """With restart policy `no`: what has not passed its gate must not come back by itself."""

    async def start(self, container_name: str) -> None: ...
    async def stop(self, container_name: str, timeout: float) -> None:
        """Sends the stop signal; SIGKILL after `timeout` seconds. Returns when the container has ended."""

    async def terminate(self, container_name: str) -> None:
        """Sends the stop signal and does not wait; does nothing to a container that does not run."""

    async def remove(self, container_name: str) -> None: ...
    async def rename(self, container_name: str, new_name: str) -> None: ...
    async def set_restart_policy(self, container_name: str, policy: str) -> None: ...
    async def exits_within(self, container_name: str, seconds: float) -> bool: ...
    async def execute(self, container_name: str, command: tuple[str, ...], timeout: float) -> Finished:
        """Raises TimeoutError after `timeout` seconds."""

    async def logs(self, container_name: str, lines: int) -> tuple[str, ...]: ...
    async def follow(self, container_name: str, say: Callable[[str], None]) -> None:
        """`say` gets each line that it has written and will write, until it ends."""

    async def image(self, image_name: str) -> Image | None: ...
    async def images(self) -> tuple[Image, ...]:
        """All that the Docker has, whosever they are."""

    async def list_images(self) -> tuple[ListedImage, ...]:
        """The same in one request, and no more of each than a list tells."""

    async def files(self, image_name: str, path: str) -> dict[str, bytes]:
        """The files in a folder of the image's working folder, or that one file, by their paths from there.

        Nothing of the image is run. None where it has no such folder. Raises ConfigError where they are too large.
        """

    async def load(self, archive: Iterator[bytes]) -> None: ...
    async def published(self, reference: str, credentials: Credentials | None) -> Published:
        """What the registry that `reference` names says of it. Raises NotThere where it has no such image."""

    async def pull(self, reference: str, credentials: Credentials | None, report: Report) -> None:
        """From the registry that `reference` (name:tag or name@digest) names.

        When interrupted, Docker gives it up; at the latest when the connection ends.
        """

    async def tag(self, image_name: str, new_name: str) -> None: ...
    async def remove_image(self, image_name: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """A line that a container wrote."""

    at: int
    """Nanoseconds since 1970, by the server's clock."""
    is_error: bool
    """It was written to standard error."""
    text: str


class Session(Protocol):
    """A command that runs in a container, and its streams. Each verb raises EngineError or ConnectError."""

    async def read(self) -> tuple[bool, bytes] | None:
        """What it wrote next, and whether to standard error; None when there will be no more."""

    async def write(self, data: bytes) -> None: ...
    def write_eof(self) -> None: ...
    async def resize(self, columns: int, rows: int) -> bool:
        """Whether that could be done: not before the command runs, nor afterwards."""

    async def exit_code(self) -> int | None:
        """None as long as it is not known to have ended."""


class Streams(Protocol):
    """What a server's Docker tells or carries as long as a block lasts. Raises EngineError, NotThere, ConnectError."""

    async def room(self) -> int:
        """How many there can be at once; others wait their turn."""

    def log(
        self, container_name: str, *, since: int = 0, last: int | None = None, follow: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[LogEntry]]:
        """Its lines since a time (nanoseconds since 1970), or the last ones; `follow` goes on until it ends."""

    def starts(self) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """The ids of containers of this service, each as it starts, from the moment when the block is entered."""

    def executing(
        self, container_name: str, command: tuple[str, ...], terminal: Terminal | None, env: Mapping[str, str]
    ) -> AbstractAsyncContextManager[Session]:
        """Runs a command in a container that runs, with `env` beside what that has.

        The session's first `read` raises CommandNotStarted.
        """

    def starting(self, container_name: str, terminal: Terminal | None) -> AbstractAsyncContextManager[Session]:
        """Starts a container that was created for one client. Raises CommandNotStarted."""


class State(Protocol):
    """What shipper keeps about a service on a server. Each verb raises HostError or ConnectError."""

    async def releases(self) -> tuple[Release, ...]: ...
    async def payload(self, number: int) -> Payload | None: ...
    async def payloads(self) -> dict[int, Payload]:
        """Of all releases, for those who do not know yet which one serves; without those that cannot be read."""

    async def write(self, release: Release, payload: Payload) -> None:
        """Writes a new release: all of it, or nothing."""

    async def conclude(self, number: int, outcome: ReleaseOutcome) -> None:
        """Writes down what became of a release."""

    async def remove(self, numbers: Collection[int]) -> None: ...
    async def exists(self) -> bool:
        """Whether anything is kept there: the lock's own file is enough."""

    async def remove_all(self) -> None:
        """The journal and the lock too: whoever holds that has nothing more to do there."""

    async def freeze(self) -> Freeze | None:
        """The one that was set, be it over or not."""

    async def set_freeze(self, freeze: Freeze | None) -> None: ...


class Journal(Protocol):
    """The lock of the service on a server, and the record of what its holders did."""

    last: Mapping[str, Any]
    """The last entry of whoever held the lock before us; empty if there is none, or nobody has looked."""

    async def look(self) -> None:
        """Learns the last entry without the lock; where somebody holds that, who is at it now has not died."""

    async def lock(self, holder: Holder) -> None:
        """Raises Locked, HostError or ConnectError."""

    async def beat(self) -> None:
        """Keeps the lock alive until it is cancelled."""

    async def append(self, entry: Mapping[str, Any]) -> None:
        """Sends it ahead of all that is asked for afterwards. Raises ConnectError if earlier ones were not written."""

    async def unlock(self) -> None:
        """When all entries are written durably. Does nothing where the lock is not held."""

    async def read(self) -> tuple[dict[str, Any], ...]: ...
    async def holder(self) -> Holder | None:
        """Who holds the lock now, found out without touching it. Raises HostError."""


class Images(Protocol):
    """The images of this machine, and the way from here to a server."""

    async def find(self, image_name: str) -> Image | None: ...
    async def build(self, image_name: str, platform: str, say: Callable[[str], None]) -> Image:
        """Raises BuildError. `say` gets what the builder writes, line by line."""

    async def ours(self) -> tuple[ListedImage, ...]:
        """What we built for this service here, the newest first: of its repository, and what has no name.

        Another service may have the same repository. None where there is no Docker here.
        """

    async def remove(self, image_name: str) -> None:
        """Raises EngineError where it is in use, or gone."""

    async def limit_cache(self, size: int) -> None:
        """Removes what the builder has not used for longest, until its cache takes no more than `size` bytes."""

    async def ship(self, image_name: str, world: "World", report: Report) -> str:
        """Moves the image there; returns in words how. Raises ImageError, DiskFull and what Engine raises."""


class Registry(Protocol):
    """Where the images of the service are kept. Each verb raises RegistryError, SecretError and what Engine raises."""

    async def credentials(self, image_name: str) -> Credentials | None:
        """Those of the config, if the image lies in the registry that it names now.

        None otherwise, and where the config names nobody: then Docker's own for this user count, if there are any.
        """

    async def find(self, image_name: str, world: "World") -> Published | None:
        """Asks as the server, which has to reach the registry anyway; this machine need have no Docker."""

    async def push(self, image_name: str, world: "World", say: Callable[[str], None], *, as_latest: bool) -> str:
        """From this machine, unless the registry has it by now; returns in words what became of it.

        `as_latest` also as the newest, unless that is of a later commit. `say` gets what Docker writes, line by line.
        Raises BuildError where Docker lacks here.
        """

    async def pull(self, image_name: str, digest: str | None, world: "World", report: Report) -> str:
        """To the server, by digest, which is asked for if it is None; returns in words what came. Raises DiskFull."""


class Commands(Protocol):
    """Commands on this machine, in the folder of the project."""

    async def run(
        self, command: tuple[str, ...], environ: Mapping[str, str], deadline: float, say: Callable[[str], None]
    ) -> int:
        """Its exit code. `environ` comes on top of ours; `say` gets what it writes, line by line.

        Raises HookError where it "cannot be run", or "had not ended" after `deadline` seconds: then it is killed, with
        all that it has begun, as when we are cancelled.
        """


@dataclass(frozen=True, kw_only=True)
class Inside:
    """For a process that deploys the very service of whose containers it is one: it is asked instead of stopped.

    Each of these only asks, and returns at once; what becomes of it is seen at the health endpoint of the container.
    `shipper.handover.Handover` has them all. They can be called again, and in any order.
    """

    container_id: str
    """Or its first 12 characters: within the container, its host name. Nothing is asked of whom no server has."""
    give_way: Callable[[], None]
    """Stop taking new work and give the lease back, as at the stop signal, but live on."""
    take_back: Callable[[], None]
    """The next one did not become active, or may not: be active again as soon as the lease is free."""
    leave: Callable[[], None]
    """The next one serves: when the deploy has returned, end."""


@dataclass(frozen=True, kw_only=True)
class World:
    """One server and what leads to it."""

    host_name: str
    host: Host
    engine: Engine
    streams: Streams
    state: State
    journal: Journal
    images: Images
    registry: Registry | None
    commands: Commands
    clock: Clock
    inside: Inside | None = None
    """What can be asked of ourselves, where we run in a container."""
