"""Every interruption that one client can meet: each fault at each call of a command, and each pair of them.

After every call the safety properties hold; and when the faults stop, the same command converges and then plans
nothing. A state that came about before is not explored again: what a command does depends on nothing else.
"""

import asyncio
import functools
import gc
import re
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import shipper.operations.deployment
import shipper.operations.lifecycle
import shipper.operations.previews
import shipper.operations.rollbacks
from shipper.config.root import Config
from shipper.errors import ShipperError, UsageError
from shipper.events import Ended, Event
from shipper.git import Revision
from shipper.model.container import SERVES, SERVES_NOT, SET_ASIDE, ContainerState, Label
from shipper.model.outcome import Deployed, Failed, Outcome, Restarted, Started, Stopped, Unchanged
from shipper.model.release import ReleaseOutcome
from shipper.model.specification import ContainerSpec
from shipper.planning.hashes import config_hash
from shipper.planning.strategy import choose_strategy
from shipper.project import Project
from tests.sim.faults import OF_A_READ, OF_A_WRITE, OF_AN_ENTRY, Call, Client, Crash, Fault, Own
from tests.sim.loop import VirtualLoop
from tests.sim.servers import App, Sim, SimContainer, SimServer
from tests.sim.world import connected

_SECRET = "s3cr3t-t0ken"
_RETAIN = 2
_STOPPING = 15.0  # seconds that an app takes to end: two of these are longer than the runner's patience
_RUNNING = 25.0  # seconds that a release command takes: two of these are within the deadline of the scenarios
_BROKEN = "v9"
_ENDS = (Fault.CRASH_BEFORE, Fault.CUT, Fault.POWER_CUT, Fault.INTERRUPT)
_GIVING = ("stop", "handover")  # the steps in which a container that must not run twice gives way
_STRANGER = SimContainer(
    ContainerSpec(name="stranger", image="other", network_name="", aliases=(), labels={}), App.WELL
)
_MARKS: dict[str, str] = {Label.SERVICE: "shop", Label.ACCESSORY: "db", Label.CONFIG: "c", Label.CONTENT: "s:c"}
_ACCESSORY = SimContainer(
    ContainerSpec(name="shop-db", image="db:1", network_name="shop", aliases=("db",), labels=_MARKS),
    App.WELL,
    policy=SERVES,
    state=ContainerState.RUNNING,
)

_DOOR: Mapping[str, Callable[..., Awaitable[Outcome]]] = {
    "deploy": shipper.operations.deployment.deploy,
    "rollback": shipper.operations.rollbacks.rollback,
    "restart": shipper.operations.lifecycle.restart,
    "stop": shipper.operations.lifecycle.stop,
    "start": shipper.operations.lifecycle.start,
}

Faults = tuple[tuple[int, Fault], ...]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    name: str
    roles: Mapping[str, Any]
    earlier_roles: Mapping[str, Any] | None = None
    """Those of all versions before the one that the command deploys, where they were others."""
    before: tuple[str, ...] = ("deploy v0", "deploy v1")
    """Commands that went well."""
    command: str
    by_registry: bool = False
    release: Mapping[str, Any] | None = None
    """That section of the config, as `hooks` is."""
    hooks: Mapping[str, Any] = field(default_factory=dict)
    apps: Mapping[str, App] = field(default_factory=dict)
    """For each version that does not do well, the behaviour of its containers."""
    serves: str
    """The version that serves in the end, in all that the command means; empty where that is stopped."""
    keeps: str = ""
    """The version that serves in the end in all that the command does not mean."""
    inside: str = ""
    """The role whose active container runs the command."""
    back: str = ""
    """The version that a rollback makes serve, wherever the command died once it had begun to change what runs."""

    @property
    def is_well(self) -> bool:
        return not self.apps

    @functools.cached_property
    def config(self) -> Config:
        return self._config(self.roles)

    @functools.cached_property
    def earlier_config(self) -> Config:
        return self._config(self.earlier_roles or self.roles)

    def _config(self, roles: Mapping[str, Any]) -> Config:
        gate = {"http": {"port": 80}, "deadline": "2s", "settle": "1s"}
        gated = {name: {"gate": gate, **role} for name, role in roles.items()}
        top = {"service": "shop", "image": "shop", "build": {}, "secrets": {"TOKEN": None}, "retain": _RETAIN}
        return Config.model_validate({**top, "roles": gated, "release": self.release, "hooks": self.hooks})

    def project(self, version: str) -> Project:
        return Project(
            root=Path("/nonexistent"),
            config=self.earlier_config if version in ("v0", "v1") else self.config,
            destination=None,
            revision=Revision(version=version, commit=version, tree=version),
            environ={"TOKEN": _SECRET},
            performer="ann@laptop",
            origin="terminal",
        )

    def has_strategy(self, role_name: str, strategy: str) -> bool:
        return choose_strategy(self.config.roles[role_name])[0] == strategy


class Command(NamedTuple):
    """As one types it: `deploy v2 --role web`."""

    verb: str
    version: str
    role_names: tuple[str, ...]
    host_names: tuple[str, ...]

    def means(self, server_name: str, role_name: str) -> bool:
        is_host = not self.host_names or server_name in self.host_names
        return is_host and (not self.role_names or role_name in self.role_names)


@functools.cache
def parsed(text: str) -> Command:
    verb, *words = text.split()
    given = {option: tuple(b for a, b in pairwise(words) if a == option) for option in ("--role", "--host")}
    version = words[0] if words and not words[0].startswith("--") else ""
    return Command(verb, version, given["--role"], given["--host"])


@dataclass(kw_only=True)
class Ran:
    """One run of a command, with what it left."""

    sim: Sim
    client: Client
    faults: Faults
    before: Faults
    """Those that the command before it met."""
    command: str
    outcome: Outcome | ShipperError | None
    """None if the client was killed."""

    @functools.cached_property
    def left(self) -> object:
        """All that a later command can depend on."""
        return _key(self.sim)


class Broken(AssertionError):
    """A property does not hold: which one, after which faults."""


class Explorer:
    def __init__(self, scenario: Scenario, loop: VirtualLoop, *, thorough: bool = False) -> None:
        """`thorough` explores what follows a first fault though it looks as it did after another one."""
        self.scenario = scenario
        self.loop = loop
        self.thorough = thorough
        self.runs = 0
        self.cases = 0
        """Faults and pairs of faults that are covered by these runs."""
        self._healed: set[object] = set()
        self._followed: dict[object, Ran] = {}
        self._continued: set[object] = set()
        self._ended: set[tuple[Fault, int]] = set()
        self._overlapping = [name for name in scenario.roles if scenario.has_strategy(name, "overlap")]
        self._alone = [name for name, role in scenario.config.roles.items() if role.singleton]

    def singles(self) -> None:
        """Each fault at each call."""
        begun = self.begun()
        for ran in self._each_fault(begun, self.run(begun, self.scenario.command)):
            self._heals(ran)

    def pairs(self) -> None:
        """A second fault after the first one, in the same command or in the one that heals."""
        begun = self.begun()
        states: dict[object, Ran] = {}
        for first in self._each_fault(begun, self.run(begun, self.scenario.command)):
            self._heals(first)
            for second in self._each_fault(begun, first):
                self._heals(second)
            states.setdefault(first.left, first)
        for first in states.values():
            for second in self._each_fault(first.sim, whole=self._then(first), before=first.faults):
                self._heals(second)

    def replay(self, commands: Sequence[Faults]) -> Ran:
        """Runs the command with the first of these, then again with the next; what that leaves must heal."""
        sim = self.begun()
        before: Faults = ()
        for faults in commands[:-1]:
            sim, before = self.run(sim, self.scenario.command, faults).sim, faults
        ran = self.run(sim, self.scenario.command, commands[-1], before)
        self._heals(ran)
        return ran

    def begun(self) -> Sim:
        """The servers as they are before the command."""
        names = dict.fromkeys(host for role in self.scenario.config.roles.values() for host in role.hosts)
        apps = {f"shop:{version}": app for version, app in {**self.scenario.apps, _BROKEN: App.SICK}.items()}
        servers = {name: SimServer(name) for name in names}
        sim = Sim(servers=servers, apps=apps, stop_seconds=_STOPPING, run_seconds=_RUNNING)
        sim.published = set() if self.scenario.by_registry else None
        for server in sim.servers.values():
            server.containers |= {"stranger": replace(_STRANGER), "shop-db": replace(_ACCESSORY)}
        for command in self.scenario.before:
            ran = self.run(sim, command, ())
            assert isinstance(ran.outcome, (Deployed, Stopped)), ran.outcome
            sim = ran.sim
        return sim

    def _each_fault(self, begun: Sim, whole: Ran, before: Faults = ()) -> Iterator[Ran]:
        """`whole` is a run of the command; if it met a fault already: those of the calls after that one."""
        met = whole.faults
        last = met[-1][0] if met else 0
        for number, (call, to_come) in enumerate(zip(whole.client.calls, _to_come(whole), strict=True), start=1):
            if number <= last:
                continue
            faults: Sequence[Fault] = OF_AN_ENTRY if _is_entry(call) else OF_A_READ if call.reads else OF_A_WRITE
            self.cases += len(faults)
            if (met or before) and not self.thorough:
                faults = self._unlike_others(faults, call, to_come)
            elif not (met or before or self.thorough or self.scenario.inside):
                faults = self._unlike_deaths(faults, number, whole.client)
            for fault in faults:
                yield self.run(begun, self.scenario.command, (*met, (number, fault)), before)

    def _unlike_others(self, faults: Sequence[Fault], call: Call, to_come: object) -> Sequence[Fault]:
        """Second faults that may leave what none before has left.

        Where a run looks as another one did from here on, nothing else can come of it. Who dies, is cut off or is
        interrupted leaves things as they are: it does not matter at which of several calls, and after one is before
        the next. What is slow is so once; for an entry of the journal nobody waits, so what befalls it befalls what
        follows. `thorough` relies on none of it.
        """
        if to_come in self._continued or _is_entry(call):
            return ()
        self._continued.add(to_come)
        ends = {(fault, call.state) for fault in _ENDS} - self._ended
        self._ended |= ends
        others = [fault for fault in faults if fault not in (*_ENDS, Fault.CRASH_AFTER, Fault.SLOW)]
        return [*others, *(fault for fault, _ in sorted(ends))]

    def _unlike_deaths(self, faults: Sequence[Fault], number: int, client: Client) -> Sequence[Fault]:
        """First faults, without the deaths that leave what another one leaves.

        Who is dead does nothing more, and did before what it does without a fault, which was looked at. So there is
        nothing to see but what is left: the state before the call, or the one after it; and where that is the one
        before the next call, dying then is the same. (Who dies within a container takes that with it: not so there.)
        """
        before, *after = (call.state for call in client.calls[number - 1 : number + 1])
        seen = {Fault.CRASH_AFTER} if after == [client.left.get(number)] else set()
        if (Fault.CRASH_BEFORE, before) in self._ended:
            seen.add(Fault.CRASH_BEFORE)
        self._ended.add((Fault.CRASH_BEFORE, before))
        return [fault for fault in faults if fault not in seen]

    def _then(self, ran: Ran, command: str = "", *, from_inside: bool = True) -> Ran:
        """What a command comes to after that run, without a fault; that of the scenario if none is named.

        Once for each state: as it depends on nothing else, it does the same each time.
        """
        command = command or self.scenario.command
        key = ran.left, command, from_inside
        if key not in self._followed:
            self._followed[key] = self.run(ran.sim, command, from_inside=from_inside)
        return self._followed[key]

    def run(
        self, begun: Sim, command: str, faults: Faults = (), before: Faults = (), *, from_inside: bool = True
    ) -> Ran:
        """`from_inside` where the scenario has it so."""
        self.runs += 1
        sim = _copy(begun)
        own = next(self._own(sim), None) if from_inside else None
        is_followed = len(faults) + bool(before) < 2  # by another fault: then it matters what state each call found

        def state() -> int:
            return hash((_key(sim), frozenset(client.under_way)))

        client = Client(sim, dict(faults), state=state if is_followed else int, own=own)
        sim.check = lambda: self._unsafe(sim, client, worked, reached)
        reached = set(self._reached(sim, parsed(command)))
        worked = {name for name in self._alone if any(c.policy == SERVES for c in self._working(sim, name))}
        sim.day += 1
        self.loop.virtual_time = 0.0  # always, so that the same waits end at the same call
        told: list[Event] = []
        outcome = self.loop.run_until_complete(self._perform(client, command, told))
        sim.leave(client)
        sim.violations += self._is_left(sim, client)
        for server in sim.servers.values():
            for container in server.containers.values():
                container.ends_at = container.seconds  # the next client comes at 0, while it still runs
        ran = Ran(sim=sim, client=client, faults=faults, before=before, command=command, outcome=outcome)
        if sim.violations:
            self._break(ran, sim.violations[0])
        written = [server.journal[len(begun.servers[name].journal) :] for name, server in sim.servers.items()]
        if _SECRET in repr(told) or any(_SECRET in line for lines in written for line in lines):
            self._break(ran, "a secret was told")
        self._is_true(begun, ran)
        return ran

    async def _perform(self, client: Client, command: str, told: list[Event]) -> Outcome | ShipperError | None:
        verb, version, role_names, host_names = parsed(command)
        inside = client.own.inside() if client.own else None
        project = self.scenario.project(version or "v1")
        project = replace(project, role_names=role_names, host_names=host_names, inside=inside)
        client.task = asyncio.current_task()
        try:
            with simulated(client):
                return await _DOOR[verb](project, tell=told.append)
        except Crash:
            return None
        except asyncio.CancelledError:
            ended = [event.outcome for event in told if isinstance(event, Ended)]
            return ended[0] if ended else UsageError("interrupted before it began")
        except ShipperError as error:
            return error

    def _own(self, sim: Sim) -> Iterator[Own]:
        for server in sim.servers.values() if self.scenario.inside else ():
            for container in server.containers.values():
                if container.is_of(self.scenario.inside) and container.works:
                    yield Own(server, container)

    def _is_left(self, sim: Sim, client: Client) -> Iterator[str]:
        """By a client that ran inside: somebody works without anybody's help, and it knows what comes of itself."""
        if not client.own:
            return
        if client.own.is_replaced and client.own.came_back and len(client.faults) < 2:
            yield "it was killed when its release was replaced, and came back"
        if client.own.lives and client.own.waits:
            yield "it gave way, and was told neither to take the work back nor to leave"
        if not self._working(sim, self.scenario.inside) and Fault.DOCKER_RESTARTS not in client.faults.values():
            yield f"nobody works as {self.scenario.inside} any more"

    def _working(self, sim: Sim, role_name: str) -> list[SimContainer]:
        return [
            c for server in sim.servers.values() for c in server.containers.values() if c.is_of(role_name) and c.works
        ]

    def _reached(self, sim: Sim, command: Command) -> Iterator[tuple[str, str]]:
        """Where users must always reach something from here on: in what may run twice, serves, and is not stopped."""
        for server in sim.servers.values():
            for role_name in self._overlapping:
                serves = any(c.serves for c in server.containers.values() if c.is_of(role_name))
                if serves and not (command.verb == "stop" and command.means(server.name, role_name)):
                    yield server.name, role_name

    def _unsafe(
        self, sim: Sim, client: Client, worked: set[str], reached: Collection[tuple[str, str]]
    ) -> Iterator[str]:
        for server in sim.servers.values():
            if server.containers.get("stranger") != _STRANGER:
                yield f"a stranger's container on {server.name} was touched"
            accessory = server.containers.get("shop-db")
            if not accessory or not accessory.serves or accessory.spec != _ACCESSORY.spec:
                yield f"an accessory on {server.name} was touched"
        for server_name, role_name in reached:
            there = sim.servers[server_name].containers.values()
            if not any(c.serves for c in there if c.is_of(role_name)):
                yield f"users of {role_name} on {server_name} reach nothing that passed its gate"
        yield from self._runs_unsafely(sim)
        for role_name in self._alone:
            working = len(self._working(sim, role_name))
            if working > 1:
                yield f"{working} containers work as {role_name}, which must never run twice"
            if role_name in worked and not working and not _gives_way(client, role_name):
                yield f"nobody works as {role_name}, though it is nobody's turn to give way"

    def _runs_unsafely(self, sim: Sim) -> Iterator[str]:
        if not self.scenario.release:
            return
        commands = self.scenario.release["commands"]
        containers = [container for server in sim.servers.values() for container in server.containers.values()]
        running = [container.spec.name for container in containers if container.runs_a_command and container.is_running]
        if len(running) > 1:
            yield f"release commands run side by side: {', '.join(running)}"
        done = {name for server in sim.servers.values() for name in server.done}
        for container in containers:
            if container.policy != SERVES_NOT and container.deploy_id:
                names = {f"shop-release-r{container.release_number}-{n + 1}" for n, _ in enumerate(commands)}
                if not names <= done:
                    yield f"{container.spec.name} has swapped before {', '.join(names - done)} ended well"

    def _is_true(self, begun: Sim, ran: Ran) -> None:
        """What the outcome says is so."""
        if isinstance(ran.outcome, Failed) and ran.outcome.restored is not None:
            before, after = _serving(begun), _serving(ran.sim)
            restored = all(after.get(key) in (found, (found[0], SERVES)) for key, found in before.items())
            knows = before and not any(fault is Fault.STALE for _, fault in ran.faults)
            if self.scenario.inside and ran.before:
                knows = False  # who took the lease of one that was killed has no mark yet, and counts as new
            # of two containers of one release that hand over, the first to get the lease is as good as the other
            as_good = ran.command == "restart" and _numbers(after.values()) == _numbers(before.values())
            if (restored or as_good) < ran.outcome.restored or (knows and restored > ran.outcome.restored):
                self._break(ran, f"it says restored={ran.outcome.restored}; {before} served, and now {after} serves")
        command = parsed(ran.command)
        passes = [fault for _, fault in ran.faults] in ([Fault.REFUSED], [Fault.INTERRUPT]) and not ran.before
        if passes and self.scenario.is_well and isinstance(ran.outcome, Failed):
            if not ran.outcome.restored:
                self._break(ran, "what had failed was not taken back, though nothing else went wrong")
            if _committed(ran.sim) != _committed(begun):
                self._break(ran, "what had failed was taken back, but other containers come back at boot than before")
        served = {number for server, role, number in _releases_serving(ran.sim) if command.means(server, role)}
        match ran.outcome:
            case Deployed(release=release) | Unchanged(release=release):
                said = {release.number}
            case Restarted(releases=releases) | Started(releases=releases):
                said = {release.number for release in releases}
            case Stopped():
                said = set()
            case _:
                return
        if served != said:
            self._break(ran, f"it says that {said or 'nothing'} serves, but {served} does")

    def _heals(self, ran: Ran) -> None:
        """Without faults, the same command converges; so do another version, and a rollback if it was killed."""
        key = ran.left, ran.outcome is None
        if key in self._healed:
            return
        if parsed(self.scenario.command).verb == "rollback" and _is_finished(ran.sim):
            return  # another one goes further back
        self._healed.add(key)
        again = self._then(ran)
        self._is_as_wanted(ran, again, (self.scenario.serves,))
        if self.scenario.inside:
            elsewhere = self._then(ran, from_inside=False)
            self._is_as_wanted(ran, elsewhere, (self.scenario.serves,))
        if self.thorough or len(ran.faults) + len(ran.before) < 2:
            self._goes_on(ran, again)

    def _goes_on(self, ran: Ran, again: Ran) -> None:
        """What else may follow: the same once more, another version, a broken one, a rollback."""
        self._is_as_wanted(ran, self._then(ran, "deploy v3"), ("v3",), command="deploy v3")
        self._then(ran, f"deploy {_BROKEN}")
        if self.scenario.is_well and parsed(self.scenario.command).verb not in ("rollback", "restart"):
            more = self._then(again)
            if more.outcome != Stopped(role_names=(), seconds=0.0) and not isinstance(more.outcome, Unchanged):
                self._break(ran, f"the third run of the command still found something to do: {more.outcome}")
        if parsed(self.scenario.command).verb == "stop":
            self._stays_stopped(ran, again)
        if self.scenario.back and ran.outcome is None:
            back = self._then(ran, "rollback")
            ours = [c for server in ran.sim.servers.values() for c in server.containers.values() if c.deploy_id]
            has_begun = any(c.policy == SET_ASIDE or (c.version == "v2" and c.is_in_use) for c in ours)
            self._is_as_wanted(ran, back, (self.scenario.back, *(() if has_begun else ("v0",))), command="rollback")

    def _stays_stopped(self, ran: Ran, again: Ran) -> None:
        """Also when a deploy fails that would have replaced it; then a start makes it serve again."""
        failed = self.run(again.sim, f"deploy {_BROKEN}")
        for server in failed.sim.servers.values():
            server.reboot()
            for role_name in self.scenario.config.roles:
                of_role = [c for c in server.containers.values() if c.is_of(role_name) and c.is_running]
                if of_role and parsed(self.scenario.command).means(server.name, role_name):
                    self._break(ran, f"what was stopped runs after a deploy that failed: {of_role}")
        started = self.run(failed.sim, "start")
        self._is_as_wanted(ran, started, ("v1",), command="start")

    def _is_as_wanted(self, ran: Ran, after: Ran, versions: tuple[str, ...], command: str = "") -> None:
        command = command or self.scenario.command
        if isinstance(after.outcome, ShipperError):
            self._break(ran, f"`{command}` again ended with: {after.outcome.what}")
        meant = parsed(command)
        for server in after.sim.servers.values():
            if runs := [c.spec.name for c in server.containers.values() if c.runs_a_command and c.is_running]:
                self._break(ran, f"`{command}` again: {', '.join(runs)} is left running on {server.name}")
            for role_name, role in self.scenario.config.roles.items():
                wanted = versions if meant.means(server.name, role_name) else (self.scenario.keeps,)
                serving = [c for c in server.containers.values() if c.is_of(role_name) and c.serves]
                serving = [c for c in serving if c.version in wanted]
                if server.name in role.hosts and len(serving) != any(wanted):
                    self._break(ran, f"`{command}` then: {wanted} of {role_name} does not serve on {server.name}")
                if any(server.releases[c.release_number].outcome is not ReleaseOutcome.DEPLOYED for c in serving):
                    self._break(ran, f"{versions} serves on {server.name}, and its record does not say so")
                self._is_tidy(ran, after, server, role_name, serving, is_stopped=not any(wanted))

    def _is_tidy(
        self, ran: Ran, after: Ran, server: SimServer, role_name: str, serving: list[SimContainer], *, is_stopped: bool
    ) -> None:
        of_role = [c for c in server.containers.values() if c.is_of(role_name)]
        marks = (SERVES_NOT, SET_ASIDE) if is_stopped else (SERVES_NOT,)
        left = [c for c in of_role if c not in serving and (c.is_running or c.policy not in marks)]
        if left:
            self._break(ran, f"`{after.command}` again: something of {role_name} is left on {server.name}: {left}")
        # one more where the old one is of the same release, or where another role needs one more release
        more = after.command == "restart" or "--role" in self.scenario.command
        prunes = isinstance(after.outcome, (Deployed, Restarted)) and not after.command.startswith("rollback")
        if prunes and len(of_role) > _RETAIN + 2 + more:
            self._break(ran, f"{len(of_role)} containers of {role_name} pile up on {server.name}")

    def _break(self, ran: Ran, why: str) -> None:
        trace = "\n".join(f"  {number:>3}  {name}" for number, (name, *_) in enumerate(ran.client.calls, start=1))
        faults = " then ".join(filter(None, (told(ran.before), told(ran.faults))))
        raise Broken(f"{self.scenario.name} {faults}: {why}\ncalls of `{ran.command}`:\n{trace}")


def told(faults: Faults) -> str:
    return " ".join(f"(call {number}, {fault})" for number, fault in faults)


def faults_of(text: str) -> Faults:
    """The faults that `told` tells."""
    return tuple((int(number), Fault(fault)) for number, fault in re.findall(r"\(call (\d+), ([\w ]+)\)", text))


@contextmanager
def simulated(client: Client) -> Iterator[None]:
    """Production code connects to the simulated servers."""
    acting: Any = (shipper.operations.deployment, shipper.operations.rollbacks, shipper.operations.lifecycle)
    looking: Any = (shipper.operations.previews, shipper.operations.rollbacks, shipper.operations.lifecycle)
    ways = [*((module, "connected") for module in acting), *((module, "looking") for module in looking)]
    real = [getattr(module, name) for module, name in ways]
    for module, name in ways:
        setattr(module, name, functools.partial(connected, client))
    try:
        yield
    finally:
        for (module, name), function in zip(ways, real, strict=True):
            setattr(module, name, function)


@contextmanager
def once_for_each_config() -> Iterator[None]:
    """What is PURE, takes a while, and is asked of the same few configs by every run."""
    known: dict[int, tuple[Config, str]] = {}

    def hash_of(config: Config) -> str:
        if id(config) not in known:
            known[id(config)] = config, config_hash(config)  # kept with it, so that nothing else gets its id
        return known[id(config)][1]

    with patch("shipper.operations.wanted.config_hash", hash_of):
        yield


@contextmanager
def rarely_collecting() -> Iterator[None]:
    """Garbage: little of what a run leaves is in circles."""
    often = gc.get_threshold()
    gc.set_threshold(20_000, *often[1:])
    try:
        yield
    finally:
        gc.set_threshold(*often)


def _copy(sim: Sim) -> Sim:
    servers = {
        name: replace(
            server,
            containers={key: container.copied() for key, container in server.containers.items()},
            images=set(server.images),
            networks=set(server.networks),
            releases=dict(server.releases),
            payloads=dict(server.payloads),
            journal=list(server.journal),
            docker_is_back_at=0.0,
            done=set(server.done),
        )
        for name, server in sim.servers.items()
    }
    published = None if sim.published is None else set(sim.published)
    return replace(sim, servers=servers, built=set(sim.built), published=published, violations=[])


def _to_come(ran: Ran) -> Iterator[object]:
    """For each call: the state before it, and all that follows. Where that is the same, a fault does the same."""
    after: object = None
    seen = []
    for call in reversed(ran.client.calls):
        after = hash((after, _nameless(call.name), call.state))
        seen.append(after)
    return reversed(seen)


@functools.cache
def _nameless(call_name: str) -> str:
    """Without what tells deploys apart that do the same."""
    return re.sub(r"(-r\d+)-\w+", r"\1", call_name)


def _key(sim: Sim) -> object:
    """All that a later command can depend on; when things happened only by their order."""
    return (
        frozenset(sim.built),
        frozenset(sim.published or ()),
        tuple(_server_key(server) for server in sim.servers.values()),
    )


def _server_key(server: SimServer) -> object:
    ours = sorted((c for c in server.containers.values() if c.deploy_id), key=lambda c: c.deploy_id)
    last = server.last_entry
    return (
        tuple((c.role_name, c.release_number, c.state, c.policy, c.was_stopped, c.has_lease) for c in ours),
        frozenset((c.spec.name, c.state, c.exit_code) for c in server.containers.values() if c.runs_a_command),
        frozenset(server.done),
        frozenset(server.images),
        frozenset(server.networks),
        tuple((r.number, r.version, r.outcome, r.replaces) for r in server.releases.values()),
        *([last.get("command"), last.get("release"), last["event"] == "outcome"] if last else ()),
    )


def _serving(sim: Sim) -> dict[tuple[str, str], tuple[str, str]]:
    """What users reach, for each server and role: the newest that runs and is committed, or was set aside."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for server in sim.servers.values():
        ours = sorted((c for c in server.containers.values() if c.deploy_id), key=lambda c: c.deploy_id)
        for policy in (SET_ASIDE, SERVES):
            live = [c for c in ours if (c.works if c.hands_over else c.is_running) and c.policy == policy]
            found.update({(server.name, c.role_name): (c.spec.name, c.policy) for c in live})
    return found


def _committed(sim: Sim) -> set[tuple[str, str]]:
    """Containers that Docker starts again when their server boots."""
    return {
        (server.name, container.spec.name)
        for server in sim.servers.values()
        for container in server.containers.values()
        if container.policy == SERVES
    }


def _numbers(found: Iterable[tuple[str, str]]) -> list[str]:
    """The releases of containers that are told by their names."""
    return sorted(name.split("-")[-2] for name, _ in found)


def _is_entry(call: Call) -> bool:
    return ": journal " in call.name


def _gives_way(client: Client, role_name: str) -> bool:
    return any(f"journal begin {step} {role_name}" in call.name for call in client.calls for step in _GIVING)


def _is_finished(sim: Sim) -> bool:
    return all(server.last_entry.get("kind") in ("deployed", "unchanged") for server in sim.servers.values())


def _releases_serving(sim: Sim) -> Iterator[tuple[str, str, int]]:
    for (server_name, role_name), (name, _) in _serving(sim).items():
        yield server_name, role_name, sim.servers[server_name].containers[name].release_number


@dataclass(frozen=True, kw_only=True)
class Explored:
    scenario: str
    cases: int
    runs: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.scenario:<24}{self.cases:>9,} cases {self.runs:>9,} runs {self.seconds:>7.1f} s"


def explored(scenario: Scenario, *, pairs: bool = True, thorough: bool = False) -> Explored:
    """Raises Broken."""
    loop, begun = VirtualLoop(), time.monotonic()
    try:
        explorer = Explorer(scenario, loop, thorough=thorough)
        with once_for_each_config(), rarely_collecting():
            (explorer.pairs if pairs else explorer.singles)()
    finally:
        loop.close()
    return Explored(scenario=scenario.name, cases=explorer.cases, runs=explorer.runs, seconds=time.monotonic() - begun)
