"""A simulated world: servers in memory, every call to them numbered, and a fault where one is asked for.

Production code runs over it unchanged: it speaks the verbs of `shipper.world`. `tests/contract` holds it to what the
real one does. The servers outlive their clients, as servers do.
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from shipper.errors import (
    ConnectError,
    EngineError,
    HookError,
    HostError,
    ImageError,
    Locked,
    NotThere,
    RegistryError,
)
from shipper.events import Tell
from shipper.hosts.usage import Sample
from shipper.model.container import AccessoryMark, Container, Label
from shipper.model.image import Credentials, Image, ListedImage, Published
from shipper.model.records import Freeze, Holder
from shipper.model.release import Payload, Release, ReleaseOutcome
from shipper.model.specification import ContainerSpec
from shipper.model.status import Disk
from shipper.project import Project
from shipper.world import Answer, Clock, Finished, Report, Serve, Storage, Streams, World
from tests.sim.faults import Client
from tests.sim.servers import App, SimContainer, SimServer

Result = TypeVar("Result")

_BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


@asynccontextmanager
async def connected(
    client: Client, project: Project, tell: Tell, host_names: Sequence[str] | None = None
) -> AsyncIterator[Mapping[str, World]]:
    """Stands where `shipper.session.connected` stands."""
    names = project.hosts if host_names is None else host_names
    yield {name: replace(world_of(client, client.sim.servers[name]), inside=project.inside) for name in names}


def world_of(client: Client, server: SimServer) -> World:
    clock = SimClock(client.sim.day)
    return World(
        host_name=server.name,
        host=SimHost(client, server),
        engine=SimEngine(client, server),
        streams=cast(Streams, None),  # what only looks is tried against real ones
        state=SimState(client, server),
        journal=SimJournal(client, server, clock),
        images=SimImages(client, server),
        registry=SimRegistry(client, server) if client.sim.published is not None else None,
        commands=SimCommands(client, server),
        clock=clock,
    )


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

    async def disk(self, folder: str) -> Disk | None:
        return await self.client.call(self.server, "disk", lambda: None, reads=True)

    async def samples(self, process_ids: Collection[int]) -> dict[int, Sample]:
        raise NotImplementedError("no step asks how much a container uses")

    def serving(self, serve: Serve) -> AbstractAsyncContextManager[int]:
        raise NotImplementedError("images arrive by SimImages.ship")

    def unless_left(self, script: str, *arguments: str) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError("no step has a terminal")

    def _answering(self, address: str) -> SimContainer:
        container = self.server.containers.get(address)
        if not container or not container.is_running:
            raise ConnectError("port 8080: refused")
        return container

    def _answer(self, address: str) -> Answer:
        container = self._answering(address)
        if container.app is App.SICK:
            return Answer(status=500, body="")
        state = (
            "draining" if container.drains or container.gives_way else "active" if container.has_lease else "standby"
        )
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
        return "linux/amd64"

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

    async def own_networks(self) -> tuple[str, ...]:
        raise NotImplementedError("no step removes one")

    async def remove_network(self, network_name: str) -> None:
        raise NotImplementedError("no step removes one")

    async def volumes(self) -> tuple[str, ...]:
        raise NotImplementedError("no step removes one")

    async def writers(self, volume_names: Collection[str]) -> dict[str, str]:
        raise NotImplementedError("no step asks")

    async def remove_volume(self, volume_name: str) -> None:
        raise NotImplementedError("no step removes one")

    async def containers(self) -> tuple[Container, ...]:
        return await self._call(
            "containers",
            lambda: tuple(_told(c) for c in self.server.containers.values() if self._is_ours(c)),
            reads=True,
        )

    async def accessories(self) -> tuple[Container, ...]:
        return await self._call(
            "accessories",
            lambda: tuple(_told(c) for c in self.server.containers.values() if self._is_ours(c) and c.is_accessory),
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
            ends = Label.RUN in spec.labels and app is not App.NEVER_MIGRATES
            seconds = self.client.sim.run_seconds if ends else math.inf
            self.server.containers[spec.name] = SimContainer(spec, app, seconds=seconds)

        await self._call(f"create {spec.name}", create)

    async def start(self, container_name: str) -> None:
        def start() -> None:
            if (container := self._there(container_name)).is_running:
                return
            if container.spec.network_name not in self.server.networks:
                raise NotThere(f"network {container.spec.network_name} not found")
            container.start(asyncio.get_running_loop().time())

        await self._call(f"start {container_name}", start)

    async def stop(self, container_name: str, timeout: float) -> None:
        await self._call(
            f"stop {container_name}", lambda: self._there(container_name).stop(), seconds=self.client.sim.stop_seconds
        )

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

    async def rename(self, container_name: str, new_name: str) -> None:
        def rename() -> None:
            if new_name in self.server.containers:
                raise EngineError(f'Conflict. The container name "/{new_name}" is already in use')
            renamed = self._there(container_name)
            renamed.spec = replace(renamed.spec, name=new_name)
            self.server.containers[new_name] = self.server.containers.pop(container_name)

        await self._call(f"rename {container_name} {new_name}", rename)

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
        if await self._call(f"wait {container_name}", wait, reads=True):
            return True
        left = self._left(container_name)
        await asyncio.sleep(min(seconds, left))
        return left <= seconds

    def _left(self, container_name: str) -> float:
        """Seconds until it ends by itself."""
        container = self.server.containers.get(container_name)
        return container.ends_at - asyncio.get_running_loop().time() if container else 0.0

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

    async def follow(self, container_name: str, say: Callable[[str], None]) -> None:
        def lines() -> tuple[bool, tuple[str, ...]]:
            container = self._there(container_name)
            return container.is_running, container.lines

        is_running, written = await self._call(f"logs --follow {container_name}", lines, reads=True)
        for line in written:
            say(line)
        if is_running:
            await asyncio.sleep(self._left(container_name))

    async def image(self, image_name: str) -> Image | None:
        return await self._call(
            f"image {image_name}",
            lambda: _image(image_name) if image_name in self.server.images else None,
            reads=True,
        )

    async def images(self) -> tuple[Image, ...]:
        return await self._call("images", lambda: tuple(map(_image, sorted(self.server.images))), reads=True)

    async def list_images(self) -> tuple[ListedImage, ...]:
        return await self._call(
            "list images", lambda: tuple(map(_listed_image, sorted(self.server.images))), reads=True
        )

    async def files(self, image_name: str, path: str) -> dict[str, bytes]:
        def files() -> dict[str, bytes]:
            if image_name not in self.server.images:
                raise NotThere(f"No such image: {image_name}")
            there = self.client.sim.files.items()
            return {name: content for name, content in there if name == path or name.startswith(f"{path}/")}

        return await self._call(f"files of {image_name}", files, reads=True)

    async def load(self, archive: Iterator[bytes]) -> None:
        raise NotImplementedError("images arrive by SimImages.ship")

    def unless_left(self, script: str, *arguments: str) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError("no step has a terminal")

    async def pull(self, reference: str, credentials: Credentials | None, report: Report) -> None:
        raise NotImplementedError("images arrive by SimRegistry.pull")

    async def published(self, reference: str, credentials: Credentials | None) -> Published:
        raise NotImplementedError("images are found by SimRegistry")

    async def tag(self, image_name: str, new_name: str) -> None:
        raise NotImplementedError("images arrive by SimRegistry.pull")

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

    async def conclude(self, number: int, outcome: ReleaseOutcome) -> None:
        def conclude() -> None:
            if number not in self.server.releases:
                raise HostError(f"there is no release {number}")
            self.server.releases[number] = replace(self.server.releases[number], outcome=outcome)

        await self._call(f"release {number} is {outcome}", conclude)

    async def remove(self, numbers: Collection[int]) -> None:
        def remove() -> None:
            for number in numbers:
                self.server.releases.pop(number, None)
                self.server.payloads.pop(number, None)

        await self._call(f"remove releases {sorted(numbers)}", remove)

    async def exists(self) -> bool:
        raise NotImplementedError("no step asks for it")

    async def remove_all(self) -> None:
        raise NotImplementedError("no step removes all")

    async def payloads(self) -> dict[int, Payload]:
        return await self._call("payloads", lambda: dict(self.server.payloads), reads=True)

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
        self.last = self.server.last_entry

    async def look(self) -> None:
        def look() -> Mapping[str, Any]:
            return {} if self.server.holder else self.server.last_entry

        self.last = await self.client.call(self.server, "look at the journal", look, reads=True)

    async def beat(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def append(self, entry: Mapping[str, Any]) -> None:
        words = " ".join(str(entry[key]) for key in ("event", "step", "role_name") if entry.get(key))
        written = json.dumps({"at": self.clock.now().isoformat(timespec="milliseconds"), **entry})
        await self.client.call(
            self.server, f"journal {words}", lambda: self.server.journal.append(written), waits=False
        )
        self.client.entries[self.server.name] = self.client.entries.get(self.server.name, 0) + 1

    async def unlock(self) -> None:
        if self.server.holder is self.client and not self.client.is_dead:
            self.server.holder = None

    async def read(self) -> tuple[dict[str, Any], ...]:
        lines = await self.client.call(self.server, "read journal", lambda: tuple(self.server.journal), reads=True)
        return tuple(map(json.loads, lines))

    async def holder(self) -> Holder | None:
        def holder() -> Holder | None:
            return self.server.held_for if self.server.holder else None

        return await self.client.call(self.server, "look at the lock", holder, reads=True)


class SimImages(_Part):
    async def find(self, image_name: str) -> Image | None:
        return _image(image_name) if image_name in self.client.sim.built else None

    async def build(self, image_name: str, platform: str, say: Callable[[str], None]) -> Image:
        self.client.sim.built.add(image_name)
        return _image(image_name)

    async def ours(self) -> tuple[ListedImage, ...]:
        return tuple(map(_listed_image, sorted(self.client.sim.built, reverse=True)))

    async def remove(self, image_name: str) -> None:
        self.client.sim.built.remove(image_name)

    async def limit_cache(self, size: int) -> None:
        """Nothing that a deploy depends on."""

    async def ship(self, image_name: str, world: World, report: Report) -> str:
        def ship() -> str:
            if image_name not in self.client.sim.built:
                raise ImageError(f"This machine has no image {image_name} any more.")
            self.server.images.add(image_name)
            return "1 layer"

        return await self.client.call(self.server, f"ship {image_name}", ship, refusal=EngineError)


class SimRegistry(_Part):
    @property
    def _published(self) -> set[str]:
        assert self.client.sim.published is not None
        return self.client.sim.published

    async def credentials(self, image_name: str) -> Credentials | None:
        return None

    async def find(self, image_name: str, world: World) -> Published | None:
        def find() -> Published | None:
            has_it = image_name in self._published
            return Published(digest=f"sha256:{image_name}", platforms=("linux/amd64",)) if has_it else None

        return await self.client.call(self.server, f"find {image_name}", find, reads=True, refusal=RegistryError)

    async def push(self, image_name: str, world: World, say: Callable[[str], None], *, as_latest: bool) -> str:
        if image_name in self._published:
            return "docker.io has got it from elsewhere meanwhile: that one counts"
        self._published.add(image_name)
        return "to docker.io"

    async def pull(self, image_name: str, digest: str | None, world: World, report: Report) -> str:
        def pull() -> str:
            if image_name not in self._published:
                raise ImageError(f"docker.io has no image {image_name}.")
            self.server.images.add(image_name)
            return "1 layer"

        return await self.client.call(self.server, f"pull {image_name}", pull, refusal=RegistryError)


class SimCommands(_Part):
    async def run(
        self, command: tuple[str, ...], environ: Mapping[str, str], deadline: float, say: Callable[[str], None]
    ) -> int:
        await asyncio.sleep(0)
        if command == ("absent",):
            raise HookError("cannot be run (No such file or directory)")
        return int(command == ("false",))


def _image(name: str) -> Image:
    return Image(id=f"sha256:{name}", layers=(name,), platform="linux/amd64", created="", size=1)


def _listed_image(name: str) -> ListedImage:
    return ListedImage(id=f"sha256:{name}", names=(name,), size=1)


def _accessory_mark(spec: ContainerSpec) -> AccessoryMark:
    hashes = {"config_hash": spec.labels[Label.CONFIG], "content_hash": spec.labels[Label.CONTENT]}
    return AccessoryMark(**hashes, image=spec.image)


def _told(container: SimContainer) -> Container:
    labels = container.spec.labels
    return Container(
        id=f"id-of-{container.spec.name}",
        name=container.spec.name,
        role_name=labels.get(Label.ROLE) or labels.get(Label.ACCESSORY, ""),
        accessory=_accessory_mark(container.spec) if container.is_accessory else None,
        release_number=int(labels.get(Label.RELEASE, 0)),
        version=labels.get(Label.VERSION, ""),
        deploy_id=labels.get(Label.DEPLOY, ""),
        image_id=f"sha256:{container.spec.image}",
        state=container.state,
        restart_policy=container.policy,
        exit_code=container.exit_code,
        address=container.spec.name if container.is_running else "",
        hands_over=container.hands_over,
        run=labels.get(Label.RUN, ""),
    )
