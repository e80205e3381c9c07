"""Clients of simulated servers: every call is numbered, and befallen by a fault where one is asked for."""

import asyncio
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from shipper.errors import ConnectError, LockLost
from shipper.model.release import ReleaseOutcome
from shipper.tasks import finish
from shipper.world import Inside
from tests.sim.servers import Sim, SimContainer, SimServer

Result = TypeVar("Result")

_SLOW = 40.0  # seconds: longer than a gate waits
_UNWRITTEN = 3  # entries of the journal that may be on their way to the disk
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
OF_AN_ENTRY = (Fault.REFUSED, Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.CUT)  # of the journal: nobody waits for it
OF_A_READ = tuple(fault for fault in Fault if fault not in (Fault.LOST, Fault.CRASH_AFTER))


class Call(NamedTuple):
    name: str
    reads: bool
    state: int
    """Of all servers before it, and of what is under way there."""


@dataclass
class Client:
    sim: Sim
    faults: Mapping[int, Fault]
    state: Callable[[], int] = lambda: 0
    task: asyncio.Task[Any] | None = None
    """What Ctrl-C cancels."""
    calls: list[Call] = field(default_factory=list)
    left: dict[int, int] = field(default_factory=dict)
    """For each call that did not fail, the state after it; of a client that meets no fault."""
    under_way: set[str] = field(default_factory=set)
    """What servers take their time for."""
    is_dead: bool = False
    cut_off: set[str] = field(default_factory=set)
    stale: dict[str, dict[str, SimContainer]] = field(default_factory=dict)
    """The containers of each server as they were before the last write."""
    entries: dict[str, int] = field(default_factory=dict)
    """How many it has sent to the journal of each server."""
    latency: float = 0.0
    """Seconds that each call takes, there and back."""
    own: "Own | None" = None
    """The container that it runs in."""

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
        waits: bool = True,
    ) -> Result:
        """`waits` is whether the client waits for the answer: not so for what is only written down."""
        latency = self.latency if waits else 0.0
        if latency or len(self.sim.servers) > 1 or (self.task and self.task.cancelling()):
            await asyncio.sleep(latency)  # here others have their turn, and an interrupt comes
        if self.is_dead:
            raise Crash
        if server.name in self.cut_off:
            raise LockLost(f"{server.name}: the connection is gone.")
        self.calls.append(Call(f"{server.name}: {name}", reads, self.state()))
        number = len(self.calls)
        fault = self.faults.get(number)
        if fault:
            await self._before(fault, server, refusal)
            if server.name in self.cut_off:  # by another call, while this one was still on its way
                raise LockLost(f"{server.name}: the connection is gone.")
        is_entry = not waits  # of the journal, which changes nothing that could be unsafe
        is_allowed = reads or server.holder is self or name == "lock"
        interrupted = seconds > 0 and await self._waited_for(f"{server.name}: {name}", seconds)
        if of_docker and asyncio.get_running_loop().time() < server.docker_is_back_at:
            raise ConnectError("The connection to Docker broke.")
        if not is_allowed:
            self.sim.violations.append(f"{name} on {server.name} without the lock")
        if not reads and Fault.STALE in self.faults.values():
            self.stale[server.name] = {key: container.copied() for key, container in server.containers.items()}
        server.pass_time(asyncio.get_running_loop().time())
        try:
            result = self._seen_late(server, act) if fault is Fault.STALE else act()
        finally:
            if fault or not (reads or is_entry):
                self._happened(server)
        if fault is Fault.CRASH_AFTER:
            self._die()
        if not self.faults:
            self.left[number] = self.state()
        if interrupted:
            raise asyncio.CancelledError
        if fault is Fault.LOST:
            raise ConnectError("Docker did not answer in time.")
        return result

    async def _waited_for(self, request: str, seconds: float) -> bool:
        """The server takes its time; whether we were interrupted meanwhile."""
        self.under_way.add(request)
        try:
            return await _slept_through(seconds)
        finally:
            self.under_way.remove(request)

    async def _before(self, fault: Fault, server: SimServer, refusal: type[Exception]) -> None:
        match fault:
            case Fault.REFUSED:
                raise refusal("it was refused")
            case Fault.CRASH_BEFORE:
                self._die()
            case Fault.CUT | Fault.POWER_CUT:
                if fault is Fault.POWER_CUT:
                    del server.journal[len(server.journal) - min(self.entries.get(server.name, 0), _UNWRITTEN) :]
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
        self._check()
        if self.own and not self.own.lives:
            self.is_dead = True
            raise Crash

    def _check(self) -> None:
        self.sim.violations += [f"after call {len(self.calls)}, {self.calls[-1].name}: {v}" for v in self.sim.check()]

    def _die(self) -> None:
        self.is_dead = True
        if self.own:
            self.own.end(137)
            self._check()
        raise Crash

    def _seen_late(self, server: SimServer, act: Callable[[], Result]) -> Result:
        true = server.containers
        server.containers = self.stale.get(server.name, true)
        try:
            return act()
        finally:
            server.containers = true


class Own:
    """A container and the client that runs in it: they live and die together."""

    def __init__(self, server: SimServer, container: SimContainer) -> None:
        self.server = server
        self.leaves = False
        self._container = container
        self._starts = len(container.lines)

    @property
    def lives(self) -> bool:
        return self._container.is_running and len(self._container.lines) == self._starts

    @property
    def came_back(self) -> bool:
        return self._container.is_running and len(self._container.lines) > self._starts

    @property
    def is_replaced(self) -> bool:
        deployed = [r.number for r in self.server.releases.values() if r.outcome is ReleaseOutcome.DEPLOYED]
        return self._container.release_number < max(deployed)

    @property
    def waits(self) -> bool:
        """It gave way, and does not know what comes of it."""
        return self._container.gives_way and not self.leaves

    def end(self, exit_code: int) -> None:
        if self.lives:
            self.server.end_of(self._container, exit_code)

    def inside(self) -> Inside:
        return Inside(
            container_id=f"id-of-{self._container.spec.name}",
            give_way=self._give_way,
            take_back=self._take_back,
            leave=self._leave,
        )

    def _give_way(self) -> None:
        self._container.gives_way, self._container.has_lease = True, False
        self.server.settle()

    def _take_back(self) -> None:
        self._container.gives_way = self.leaves
        self.server.settle()

    def _leave(self) -> None:
        self.leaves = True


async def _slept_through(seconds: float) -> bool:
    """A request that was begun is waited for; whether we were interrupted meanwhile."""
    task = asyncio.current_task()
    assert task
    before = task.cancelling()
    await finish(asyncio.sleep(seconds))
    return task.cancelling() > before
