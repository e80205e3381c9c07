"""A simulated world: servers in memory, every call to them numbered, and a fault where one is asked for.

Production code runs over it unchanged: it speaks the verbs of `shipper.world`. `tests/contract` holds it to what the
real one does. The servers outlive their clients, as servers do.
"""

import asyncio
import copy
import enum
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from shipper.errors import ConnectError, EngineError, HostError, ImageError, Locked, LockLost, NotThere
from shipper.model import (
    SERVES,
    SERVES_NOT,
    SET_ASIDE,
    Container,
    ContainerSpec,
    ContainerState,
    Freeze,
    Holder,
    Image,
    Label,
    Payload,
    Release,
)
from shipper.tasks import finish
from shipper.world import Answer, Clock, Finished, Report, Storage, World

Result = TypeVar("Result")

_BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
_SLOW = 40.0  # seconds: longer than a gate waits
_IN_USE = (ContainerState.RUNNING, ContainerState.RESTARTING)
_KILLED, _UNKNOWN = 137, 255  # exit codes: of SIGKILL, and where Docker did not see how it ended
_STOPPING = 15.0  # seconds that an app takes to end
_RESTART = 5.0  # seconds that Docker is away when it is started again


class Crash(BaseException):
    """The client is killed: nothing of it runs any more."""


class Fault(enum.StrEnum):
    """What befalls a call."""

    REFUSED = "refused"
    LOST = "reply lost"
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    CUT = "link cut"
    SLOW = "slow"
    INTERRUPT = "interrupt"
    STALE = "stale read"
    DOCKER_RESTARTS = "Docker restarts"
    POWER_CUT = "power cut"


OF_A_WRITE = tuple(fault for fault in Fault if fault is not Fault.STALE)
OF_A_READ = tuple(fault for fault in Fault if fault not in (Fault.LOST, Fault.CRASH_AFTER))


class App(enum.StrEnum):
    """How the containers of a version behave."""

    WELL = "well"
    SICK = "sick"
    EXITS = "exits"
    NEVER_ACTIVE = "never active"
    DEAF = "deaf to its stop signal"


@dataclass
class SimContainer:
    spec: ContainerSpec
    app: App
    policy: str = SERVES_NOT
    state: ContainerState = ContainerState.CREATED
    exit_code: int = 0
    was_stopped: bool = False
    """By someone, not by itself: `unless-stopped` remembers that over a restart of Docker."""
    drains: bool = False
    has_lease: bool = False
    lines: tuple[str, ...] = ()
    """What it wrote, in all its runs."""

    @property
    def role_name(self) -> str:
        return self.spec.labels[Label.ROLE]

    @property
    def version(self) -> str:
        return self.spec.labels[Label.VERSION]

    @property
    def release_number(self) -> int:
        return int(self.spec.labels[Label.RELEASE])

    @property
    def deploy_id(self) -> str:
        """Empty for what is not ours."""
        return self.spec.labels.get(Label.DEPLOY, "")

    def is_of(self, role_name: str) -> bool:
        return self.spec.labels.get(Label.ROLE) == role_name

    @property
    def is_running(self) -> bool:
        return self.state is ContainerState.RUNNING

    @property
    def is_in_use(self) -> bool:
        return self.is_running or self.policy != SERVES_NOT

    @property
    def hands_over(self) -> bool:
        return Label.HANDOVER in self.spec.labels

    @property
    def works(self) -> bool:
        """Does what must never be done twice: what knows of a lease does so only with it."""
        return self.is_running and not self.drains and (self.has_lease or not self.hands_over)

    @property
    def is_ready(self) -> bool:
        return self.is_running and self.app in (App.WELL, App.NEVER_ACTIVE) and not self.drains

    def start(self) -> None:
        self.was_stopped = self.drains = False
        self.lines += ("up",)
        if self.app is App.EXITS:
            comes_back = self.policy != SERVES_NOT
            self.state = ContainerState.RESTARTING if comes_back else ContainerState.EXITED
            self.exit_code = 3
        else:
            self.state, self.exit_code = ContainerState.RUNNING, 0

    def stop(self) -> None:
        """By someone. What does not run is left as it is."""
        if self.state in _IN_USE:
            self.was_stopped = True
            self.end(_KILLED if self.app is App.DEAF else 0)

    def drain(self) -> None:
        """It has had all the time that it needs."""
        if self.drains and self.app is not App.DEAF:
            self.end(0)

    @property
    def serves(self) -> bool:
        """Users can rely on it, and after a reboot as well."""
        return self.is_ready and self.policy == SERVES

    def end(self, exit_code: int) -> None:
        self.state, self.exit_code = ContainerState.EXITED, exit_code
        self.has_lease = self.drains = False


@dataclass
class SimServer:
    """One server, with all that outlives a client."""

    name: str
    containers: dict[str, SimContainer] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    networks: set[str] = field(default_factory=set)
    releases: dict[int, Release] = field(default_factory=dict)
    payloads: dict[int, Payload] = field(default_factory=dict)
    frozen: Freeze | None = None
    journal: list[dict[str, Any]] = field(default_factory=list)
    holder: "Client | None" = None
    held_for: Holder | None = None
    """What the last holder said of itself."""
    docker_is_back_at: float = 0.0

    def settle(self) -> None:
        """What apps do by themselves, at once: one that stands by takes a lease that is free."""
        for container in self.containers.values():
            if not container.hands_over or not container.is_ready or container.app is App.NEVER_ACTIVE:
                continue
            if not any(c.has_lease for c in self.containers.values() if c.is_of(container.role_name)):
                container.has_lease = True

    def restart_docker(self) -> None:
        """As a crash of it does: it stops what it finds running, and `unless-stopped` takes that for someone's wish."""
        for container in self.containers.values():
            container.stop()
        self._boot()

    def reboot(self) -> None:
        """As a power cut does."""
        for container in self.containers.values():
            if container.state in _IN_USE:
                container.end(_UNKNOWN)
        self._boot()

    def _boot(self) -> None:
        """As measured: `always` comes back though it was stopped, `unless-stopped` only if it was not, `no` never."""
        for container in self.containers.values():
            is_wanted = container.policy == SERVES or (container.policy == SET_ASIDE and not container.was_stopped)
            if is_wanted and container.state is not ContainerState.CREATED:
                container.start()
        self.settle()


@dataclass
class Sim:
    """All servers, and this machine's images. `check` runs after every call, and gives what is wrong."""

    servers: dict[str, SimServer]
    apps: Mapping[str, App]
    """For each image; those that are not named do well."""
    built: set[str] = field(default_factory=set)
    day: int = 0
    """Each command has one of its own."""
    service: str = "shop"
    check: Callable[[], Iterator[str]] = lambda: iter(())
    violations: list[str] = field(default_factory=list)

    def leave(self, client: "Client") -> None:
        """The client is gone, and its lock with it; what drains has all the time that it needs."""
        for server in self.servers.values():
            if server.holder is client:
                server.holder = None
            for container in server.containers.values():
                container.drain()
            server.settle()


class Call(NamedTuple):
    name: str
    reads: bool
    state: int
    """Of all servers, before it."""


@dataclass
class Client:
    sim: Sim
    faults: Mapping[int, Fault]
    state: Callable[[], int] = lambda: 0
    task: asyncio.Task[Any] | None = None
    """What Ctrl-C cancels."""
    calls: list[Call] = field(default_factory=list)
    is_dead: bool = False
    cut_off: set[str] = field(default_factory=set)
    stale: dict[str, dict[str, SimContainer]] = field(default_factory=dict)
    """The containers of each server as they were before the last write."""

    @asynccontextmanager
    async def connected(self, project: Any, tell: Any) -> AsyncIterator[Mapping[str, World]]:
        """Stands where `shipper.session.connected` stands."""
        yield {name: self.world(self.sim.servers[name]) for name in project.config.hosts}

    def world(self, server: SimServer) -> World:
        clock = SimClock(self.sim.day)
        return World(
            host_name=server.name,
            host=SimHost(self, server),
            engine=SimEngine(self, server),
            state=SimState(self, server),
            journal=SimJournal(self, server, clock),
            images=SimImages(self, server),
            clock=clock,
        )

    async def call(
        self,
        server: SimServer,
        name: str,
        act: Callable[[], Result],
        *,
        reads: bool = False,
        refusal: type[Exception] = ConnectError,
        of_docker: bool = False,
        seconds: float = 0.0,
    ) -> Result:
        await asyncio.sleep(0)  # here others have their turn
        if self.is_dead:
            raise Crash
        if server.name in self.cut_off:
            raise LockLost(f"{server.name}: the connection is gone.")
        self.calls.append(Call(f"{server.name}: {name}", reads, self.state()))
        fault = self.faults.get(len(self.calls))
        if fault:
            await self._before(fault, server, refusal)
        interrupted = seconds > 0 and await _slept_through(seconds)
        if of_docker and asyncio.get_running_loop().time() < server.docker_is_back_at:
            raise ConnectError("The connection to Docker broke.")
        if not reads and server.holder is not self and name != "lock":
            self.sim.violations.append(f"{name} on {server.name} without the lock")
        if not reads and Fault.STALE in self.faults.values():
            self.stale[server.name] = {key: copy.copy(container) for key, container in server.containers.items()}
        try:
            result = self._seen_late(server, act) if fault is Fault.STALE else act()
        finally:
            if not reads or fault:
                self._happened(server)
        if fault is Fault.CRASH_AFTER:
            self._die()
        if interrupted:
            raise asyncio.CancelledError
        if fault is Fault.LOST:
            raise ConnectError("Docker did not answer in time.")
        return result

    async def _before(self, fault: Fault, server: SimServer, refusal: type[Exception]) -> None:
        match fault:
            case Fault.REFUSED:
                raise refusal("it was refused")
            case Fault.CRASH_BEFORE:
                self._die()
            case Fault.CUT | Fault.POWER_CUT:
                if fault is Fault.POWER_CUT:
                    server.reboot()
                    self._happened(server)
                self.cut_off.add(server.name)
                server.holder = None
                raise ConnectError("The connection broke.")
            case Fault.INTERRUPT:
                assert self.task
                self.task.cancel()  # the request that is on its way is waited for
            case Fault.SLOW:
                await _slept_through(_SLOW)
            case Fault.DOCKER_RESTARTS:
                server.restart_docker()
                server.docker_is_back_at = asyncio.get_running_loop().time() + _RESTART
                self._happened(server)
            case _:
                pass

    def _happened(self, server: SimServer) -> None:
        server.settle()
        self.sim.violations += [f"after call {len(self.calls)}, {self.calls[-1].name}: {v}" for v in self.sim.check()]

    def _die(self) -> None:
        self.is_dead = True
        raise Crash

    def _seen_late(self, server: SimServer, act: Callable[[], Result]) -> Result:
        true = server.containers
        server.containers = self.stale.get(server.name, true)
        try:
            return act()
        finally:
            server.containers = true


async def _slept_through(seconds: float) -> bool:
    """A request that was begun is waited for; whether we were interrupted meanwhile."""
    task = asyncio.current_task()
    assert task
    before = task.cancelling()
    await finish(asyncio.sleep(seconds))
    return task.cancelling() > before


@dataclass(frozen=True)
class SimClock:
    day: int

    def now(self) -> datetime:
        return _BEGAN + timedelta(days=self.day, seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class _Part:
    client: Client
    server: SimServer


class SimHost(_Part):
    async def connect_tcp(self, address: str, port: int, timeout: float) -> None:
        await self.client.call(self.server, f"connect {address}", lambda: self._answering(address), reads=True)

    async def http_get(self, address: str, port: int, path: str, timeout: float, header: str | None = None) -> Answer:
        return await self.client.call(self.server, f"GET {address}{path}", lambda: self._answer(address), reads=True)

    async def free_disk(self, folder: str) -> int | None:
        return await self.client.call(self.server, "free disk", lambda: None, reads=True)

    def _answering(self, address: str) -> SimContainer:
        container = self.server.containers.get(address)
        if not container or not container.is_running:
            raise ConnectError("port 8080: refused")
        return container

    def _answer(self, address: str) -> Answer:
        container = self._answering(address)
        if container.app is App.SICK:
            return Answer(status=500, body="")
        state = "draining" if container.drains else "active" if container.has_lease else "standby"
        return Answer(status=200, body=f'{{"state": "{state}"}}')


class SimEngine(_Part):
    async def _call(self, name: str, act: Callable[[], Result], *, reads: bool = False, seconds: float = 0.0) -> Result:
        return await self.client.call(
            self.server, name, act, reads=reads, refusal=EngineError, of_docker=True, seconds=seconds
        )

    def _there(self, container_name: str) -> SimContainer:
        if container_name not in self.server.containers:
            raise NotThere(f"No such container: {container_name}")
        return self.server.containers[container_name]

    def _is_ours(self, container: SimContainer) -> bool:
        return container.spec.labels.get(Label.SERVICE) == self.client.sim.service

    async def platform(self) -> str:
        return await self._call("version", lambda: "linux/amd64", reads=True)

    async def storage(self) -> Storage:
        return Storage(folder="/var/lib/docker", is_containerd=False)

    async def has_network(self, network_name: str) -> bool:
        return await self._call("networks", lambda: network_name in self.server.networks, reads=True)

    async def create_network(self, network_name: str) -> None:
        def create() -> None:
            if network_name in self.server.networks:
                raise EngineError(f"network with name {network_name} already exists")
            self.server.networks.add(network_name)

        await self._call(f"network create {network_name}", create)

    async def containers(self) -> tuple[Container, ...]:
        return await self._call(
            "containers",
            lambda: tuple(_told(c) for c in self.server.containers.values() if self._is_ours(c)),
            reads=True,
        )

    async def container(self, container_name: str) -> Container:
        return await self._call(f"inspect {container_name}", lambda: _told(self._there(container_name)), reads=True)

    async def create(self, spec: ContainerSpec) -> None:
        def create() -> None:
            if spec.name in self.server.containers:
                raise EngineError(f'Conflict. The container name "/{spec.name}" is already in use')
            if spec.image not in self.server.images:
                raise NotThere(f"No such image: {spec.image}")
            app = self.client.sim.apps.get(spec.image, App.WELL)
            self.server.containers[spec.name] = SimContainer(spec, app)

        await self._call(f"create {spec.name}", create)

    async def start(self, container_name: str) -> None:
        def start() -> None:
            if (container := self._there(container_name)).is_running:
                return
            if container.spec.network_name not in self.server.networks:
                raise NotThere(f"network {container.spec.network_name} not found")
            container.start()

        await self._call(f"start {container_name}", start)

    async def stop(self, container_name: str, timeout: float) -> None:
        await self._call(f"stop {container_name}", lambda: self._there(container_name).stop(), seconds=_STOPPING)

    async def terminate(self, container_name: str) -> None:
        def terminate() -> None:
            if (container := self._there(container_name)).is_running:
                container.was_stopped = container.drains = True
                container.has_lease = False

        await self._call(f"kill {container_name}", terminate)

    async def remove(self, container_name: str) -> None:
        def remove() -> None:
            self._there(container_name)
            del self.server.containers[container_name]

        await self._call(f"rm {container_name}", remove)

    async def set_restart_policy(self, container_name: str, policy: str) -> None:
        def update() -> None:
            self._there(container_name).policy = policy

        await self._call(f"update --restart {policy} {container_name}", update)

    async def exits_within(self, container_name: str, seconds: float) -> bool:
        def wait() -> bool:
            container = self._there(container_name)
            container.drain()
            return not container.is_running

        if seconds <= 0:
            return False
        has_ended = await self._call(f"wait {container_name}", wait, reads=True)
        if not has_ended:
            await asyncio.sleep(seconds)
        return has_ended

    async def execute(self, container_name: str, command: tuple[str, ...], timeout: float) -> Finished:
        def execute() -> Finished:
            container = self._there(container_name)
            if not container.is_running:
                raise EngineError(f"Container {container_name} is not running")
            return Finished(exit_code=int(container.app is App.SICK), output="")

        return await self._call(f"exec {container_name}", execute, reads=True)

    async def logs(self, container_name: str, lines: int) -> tuple[str, ...]:
        def logs() -> tuple[str, ...]:
            return self._there(container_name).lines[-lines:]

        return await self._call(f"logs {container_name}", logs, reads=True)

    async def image(self, image_name: str) -> Image | None:
        return await self._call(
            f"image {image_name}",
            lambda: _image(image_name) if image_name in self.server.images else None,
            reads=True,
        )

    async def images(self) -> tuple[Image, ...]:
        return await self._call("images", lambda: tuple(map(_image, sorted(self.server.images))), reads=True)

    async def load(self, archive: Iterator[bytes]) -> None:
        raise NotImplementedError("images arrive by SimImages.ship")

    async def remove_image(self, image_name: str) -> None:
        def remove() -> None:
            if image_name not in self.server.images:
                raise NotThere(f"No such image: {image_name}")
            if any(c.spec.image == image_name for c in self.server.containers.values()):
                raise EngineError("image is being used by a container")
            self.server.images.remove(image_name)

        await self._call(f"rmi {image_name}", remove)


class SimState(_Part):
    async def _call(self, name: str, act: Callable[[], Result], *, reads: bool = False) -> Result:
        return await self.client.call(self.server, name, act, reads=reads, refusal=HostError)

    async def releases(self) -> tuple[Release, ...]:
        return await self._call(
            "releases", lambda: tuple(self.server.releases[n] for n in sorted(self.server.releases)), reads=True
        )

    async def payload(self, number: int) -> Payload | None:
        return await self._call(f"payload {number}", lambda: self.server.payloads.get(number), reads=True)

    async def write(self, release: Release, payload: Payload) -> None:
        def write() -> None:
            if release.number in self.server.releases:
                raise HostError(f"release {release.number} is there already")
            self.server.releases[release.number] = release
            self.server.payloads[release.number] = payload

        await self._call(f"write release {release.number}", write)

    async def update(self, release: Release) -> None:
        def update() -> None:
            if release.number not in self.server.releases:
                raise HostError(f"there is no release {release.number}")
            self.server.releases[release.number] = release

        await self._call(f"release {release.number} is {release.outcome}", update)

    async def remove(self, numbers: Collection[int]) -> None:
        def remove() -> None:
            for number in numbers:
                self.server.releases.pop(number, None)
                self.server.payloads.pop(number, None)

        await self._call(f"remove releases {sorted(numbers)}", remove)

    async def freeze(self) -> Freeze | None:
        return await self._call("freeze", lambda: self.server.frozen, reads=True)

    async def set_freeze(self, freeze: Freeze | None) -> None:
        def set_freeze() -> None:
            self.server.frozen = freeze

        await self._call("set freeze", set_freeze)


@dataclass
class SimJournal(_Part):
    clock: Clock
    last: Mapping[str, Any] = field(default_factory=dict)

    async def lock(self, holder: Holder) -> None:
        def lock() -> None:
            if self.server.holder and (other := self.server.held_for):
                who = f"{other.performer} has it since {other.since}, for {other.purpose}"
                raise Locked(f"{self.server.name}: another deploy holds the lock: {who}.")
            self.server.holder, self.server.held_for = self.client, holder

        await self.client.call(self.server, "lock", lock)
        self.last = self.server.journal[-1] if self.server.journal else {}

    async def beat(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def append(self, entry: Mapping[str, Any]) -> None:
        words = " ".join(str(entry[key]) for key in ("event", "step", "role_name") if entry.get(key))
        written = json.loads(json.dumps({"at": self.clock.now().isoformat(timespec="milliseconds"), **entry}))
        await self.client.call(self.server, f"journal {words}", lambda: self.server.journal.append(written))

    async def unlock(self) -> None:
        if self.server.holder is self.client and not self.client.is_dead:
            self.server.holder = None

    async def read(self) -> tuple[dict[str, Any], ...]:
        return await self.client.call(self.server, "read journal", lambda: tuple(self.server.journal), reads=True)


class SimImages(_Part):
    async def find(self, image_name: str) -> Image | None:
        return _image(image_name) if image_name in self.client.sim.built else None

    async def build(self, image_name: str, platform: str, say: Callable[[str], None]) -> Image:
        self.client.sim.built.add(image_name)
        return _image(image_name)

    async def ship(self, image_name: str, world: World, report: Report) -> str:
        def ship() -> str:
            if image_name not in self.client.sim.built:
                raise ImageError(f"This machine has no image {image_name} any more.")
            self.server.images.add(image_name)
            return "1 layer"

        return await self.client.call(self.server, f"ship {image_name}", ship, refusal=EngineError)


def _image(name: str) -> Image:
    return Image(id=f"sha256:{name}", layers=(name,), platform="linux/amd64", created="", size=1)


def _told(container: SimContainer) -> Container:
    labels = container.spec.labels
    return Container(
        id=f"id-of-{container.spec.name}",
        name=container.spec.name,
        role_name=labels.get(Label.ROLE, ""),
        release_number=int(labels.get(Label.RELEASE, 0)),
        version=labels.get(Label.VERSION, ""),
        deploy_id=labels.get(Label.DEPLOY, ""),
        image_id=f"sha256:{container.spec.image}",
        state=container.state,
        restart_policy=container.policy,
        exit_code=container.exit_code,
        address=container.spec.name if container.is_running else "",
        hands_over=container.hands_over,
    )
