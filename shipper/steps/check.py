"""The gate: wait until the new container is ready, or say why it is not."""

from dataclasses import dataclass

from shipper.config.workloads import Gate
from shipper.errors import ConfigError, ConnectError, EngineError, ForwardingDisabled, GateFailed, ImageError
from shipper.model.container import Container
from shipper.steps import Step, last_lines
from shipper.world import Progress, Report, World

_FIRST_PAUSE = 0.05  # seconds; doubled up to the gate's interval, so that a quick start passes quickly
_SETTLE_ALONE = Gate.model_construct(settle=5.0)  # where there is nothing to ask


@dataclass(frozen=True, kw_only=True)
class Check(Step):
    name = "check"
    container_name: str
    image_name: str
    gate: Gate | None
    section: str = "roles"
    """Of the config, where the gate stands."""

    @property
    def detail(self) -> str:
        return str(self.gate) if self.gate else f"the image's HEALTHCHECK, else {_SETTLE_ALONE}"

    async def do(self, world: World, report: Report) -> str:
        gate, command = await self._resolved(world)
        deadline = world.clock.monotonic() + gate.deadline
        pause, probes = _FIRST_PAUSE, 0
        while problem := await self._problem(world, gate, command):
            probes += 1
            report(Progress(done=probes, total=0, unit="probes", detail=problem))
            if world.clock.monotonic() + pause > deadline:
                raise await self._failed(world, f"did not pass its gate ({gate}): {problem}")
            await world.clock.sleep(pause)
            pause = min(pause * 2, gate.interval)
        if await world.engine.exits_within(self.container_name, gate.settle):
            raise await self._failed(world, self._end(await world.engine.container(self.container_name)))
        return str(gate)

    async def _resolved(self, world: World) -> tuple[Gate, tuple[str, ...]]:
        """The gate, and the command to execute in the container if that is its probe."""
        if self.gate and not self.gate.healthcheck:
            return self.gate, self.gate.command or ()
        image = await world.engine.image(self.image_name)
        if not image:
            raise ImageError(f"{world.host_name}: {self.image_name} is not there any more.")
        match image.healthcheck:
            case ("CMD", *arguments):
                return self.gate or Gate(healthcheck=True), tuple(arguments)
            case ("CMD-SHELL", line):
                return self.gate or Gate(healthcheck=True), ("/bin/sh", "-c", line)
            case _:
                pass
        if self.gate:
            raise ConfigError(
                f"{self._key}.gate.healthcheck: the image {self.image_name} has no HEALTHCHECK",
                next=f"Give the Dockerfile a HEALTHCHECK, or {self._key} a gate of another kind.",
            )
        return _SETTLE_ALONE, ()

    async def _problem(self, world: World, gate: Gate, command: tuple[str, ...]) -> str:
        container = await world.engine.container(self.container_name)
        if not container.is_running:
            raise await self._failed(world, self._end(container))
        return await self._probed(world, container, gate, command)

    async def look(self, world: World, container: Container) -> str:
        """One probe of a container that runs: what is wrong, or nothing."""
        return await self._probed(world, container, *await self._resolved(world))

    async def _probed(self, world: World, container: Container, gate: Gate, command: tuple[str, ...]) -> str:
        try:
            if gate.http:
                return await _http_problem(world, container.address, gate)
            if gate.tcp:
                await world.host.connect_tcp(container.address, gate.tcp, gate.timeout)
            if command:
                return await self._command_problem(world, command, gate.timeout)
        except ForwardingDisabled as error:
            raise self._unreachable(error) from None
        except ConnectError as error:
            return error.what
        return ""

    def _unreachable(self, error: ForwardingDisabled) -> ForwardingDisabled:
        return ForwardingDisabled(
            f"{error.what}, which {self._key}.gate ({self.gate}) needs",
            next=f"Let {self._key}.gate be a `healthcheck` or a `command`, or allow forwarding there.",
        )

    async def _command_problem(self, world: World, command: tuple[str, ...], timeout: float) -> str:
        try:
            finished = await world.engine.execute(self.container_name, command, timeout)
        except TimeoutError:
            return f"`{' '.join(command)}` did not end within {timeout:g} s"
        except EngineError as error:
            return error.what
        if finished.exit_code == 0:
            return ""
        return f"`{' '.join(command)}` → exit code {finished.exit_code} {_first_line(finished.output)}".rstrip()

    def _end(self, container: Container) -> str:
        if container.out_of_memory:
            return f"was killed for want of memory (OOM); see {self.section}.*.memory"
        return f"exited with code {container.exit_code}"

    @property
    def _key(self) -> str:
        return f"{self.section}.{self.role_name}"

    async def _failed(self, world: World, reason: str) -> GateFailed:
        return GateFailed(f"{self.container_name} {reason}", logs=await last_lines(world, self.container_name))


async def _http_problem(world: World, address: str, gate: Gate) -> str:
    assert gate.http
    answer = await world.host.http_get(address, gate.http.port, gate.http.path, gate.timeout, gate.http.host)
    if 200 <= answer.status < 400:
        return ""
    return f"GET {gate.http.path} → {answer.status} {_first_line(answer.body)}".rstrip()


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")[:200]
