"""Simulated servers, which outlive clients: containers, what Docker does to them, what apps do by themselves."""

import enum
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, cast

from shipper.model.container import SERVES, SERVES_NOT, SET_ASIDE, ContainerState, Label
from shipper.model.records import Freeze, Holder
from shipper.model.release import Payload, Release
from shipper.model.specification import ContainerSpec

if TYPE_CHECKING:
    from tests.sim.faults import Client

_IN_USE = (ContainerState.RUNNING, ContainerState.RESTARTING)
_KILLED, _TERMINATED, _UNKNOWN = 137, 143, 255  # exit codes: of signals, and where Docker did not see how it ended


class App(enum.StrEnum):
    """How the containers of a version behave."""

    WELL = "well"
    SICK = "sick"
    EXITS = "exits"
    NEVER_ACTIVE = "never active"
    DEAF = "deaf to its stop signal"
    CANNOT_MIGRATE = "its release commands fail"
    NEVER_MIGRATES = "its release commands go on for ever"


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
    gives_way: bool = False
    """As who drains does, but it lives on."""
    has_lease: bool = False
    lines: tuple[str, ...] = ()
    """What it wrote, in all its runs."""
    seconds: float = math.inf
    """After which it ends by itself."""
    ends_at: float = math.inf

    # labels never change

    @cached_property
    def role_name(self) -> str:
        """Empty for what is not ours."""
        return self.spec.labels.get(Label.ROLE, "")

    @cached_property
    def version(self) -> str:
        return self.spec.labels[Label.VERSION]

    @cached_property
    def release_number(self) -> int:
        return int(self.spec.labels[Label.RELEASE])

    @cached_property
    def deploy_id(self) -> str:
        """Empty for what is not ours."""
        return self.spec.labels.get(Label.DEPLOY, "")

    @cached_property
    def runs_a_command(self) -> bool:
        """And serves nobody."""
        return Label.RUN in self.spec.labels

    @cached_property
    def is_accessory(self) -> bool:
        return Label.ACCESSORY in self.spec.labels

    @cached_property
    def hands_over(self) -> bool:
        return Label.HANDOVER in self.spec.labels

    def copied(self) -> "SimContainer":
        """As `copy.copy` does, but a run copies dozens of them."""
        new = object.__new__(SimContainer)
        new.__dict__.update(self.__dict__)
        return new

    def is_of(self, role_name: str) -> bool:
        return self.role_name == role_name and not self.runs_a_command

    @property
    def is_running(self) -> bool:
        return self.state is ContainerState.RUNNING

    @property
    def is_in_use(self) -> bool:
        return self.is_running or self.policy != SERVES_NOT

    @property
    def works(self) -> bool:
        """Does what must never be done twice: what knows of a lease does so only with it."""
        return self.is_running and not self.drains and (self.has_lease or not self.hands_over)

    @property
    def is_ready(self) -> bool:
        return self.is_running and self.app in (App.WELL, App.NEVER_ACTIVE) and not (self.drains or self.gives_way)

    def start(self, now: float) -> None:
        self.ends_at = now + self.seconds
        self.was_stopped = self.drains = self.gives_way = False
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
            self.end(_KILLED if self.app is App.DEAF else _TERMINATED if self.runs_a_command else 0)

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
        self.has_lease = self.drains = self.gives_way = False


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
    journal: list[str] = field(default_factory=list)
    """Entries, each a line of JSON."""
    holder: "Client | None" = None
    held_for: Holder | None = None
    """What the last holder said of itself."""
    docker_is_back_at: float = 0.0
    done: set[str] = field(default_factory=set)
    """The names of the containers whose commands ended well."""

    @property
    def last_entry(self) -> Mapping[str, Any]:
        return _read(self.journal[-1]) if self.journal else {}

    def pass_time(self, now: float) -> None:
        """Commands that were begun come to their end, whether anybody waits for it or not."""
        for container in self.containers.values():
            if now >= container.ends_at and container.is_running:
                container.end(int(container.app is App.CANNOT_MIGRATE))
                if not container.exit_code:
                    self.done.add(container.spec.name)

    def settle(self) -> None:
        """What apps do by themselves, at once: one that stands by takes a lease that is free."""
        for container in self.containers.values():
            if not container.hands_over or not container.is_ready or container.app is App.NEVER_ACTIVE:
                continue
            if not any(c.has_lease for c in self.containers.values() if c.is_of(container.role_name)):
                container.has_lease = True

    def end_of(self, container: SimContainer, exit_code: int) -> None:
        """It ends by itself, and comes back where its policy says so: after the next one has taken its lease."""
        container.end(exit_code)
        self.settle()
        if container.policy != SERVES_NOT:
            container.start(0)
            self.settle()

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
                container.start(0)  # none of those that run a command
        self.settle()


@lru_cache
def _read(line: str) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], json.loads(line))


@dataclass
class Sim:
    """All servers, and this machine's images. `check` runs after every call, and gives what is wrong."""

    servers: dict[str, SimServer]
    apps: Mapping[str, App]
    """For each image; those that are not named do well."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What each image has in its working folder."""
    built: set[str] = field(default_factory=set)
    published: set[str] | None = None
    """The images of the registry; None where images travel through SSH."""
    day: int = 0
    """Each command has one of its own."""
    service: str = "shop"
    stop_seconds: float = 0.0
    """How long an app takes to end."""
    run_seconds: float = 0.3
    """How long a command takes."""
    check: Callable[[], Iterator[str]] = lambda: iter(())
    violations: list[str] = field(default_factory=list)

    def leave(self, client: "Client") -> None:
        """The client is gone, and its lock with it; what drains has all the time that it needs."""
        for server in self.servers.values():
            if server.holder is client:
                server.holder = None
            if client.own and client.own.leaves and client.own.server is server:
                client.own.end(0)
            for container in server.containers.values():
                container.drain()
            server.settle()
