"""Run the commands of `release`, once per deploy and before anything swaps: migrations, say.

Each runs in a container whose name says of which release it is the how-manieth, so that whoever comes after a client
that died finds it: what still runs is taken up, what ended well is not run again, and never do two run at once.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import ConnectError, EngineError, MigrationFailed, NotThere
from shipper.model.container import Container
from shipper.model.specification import ContainerSpec
from shipper.steps import Step, last_lines
from shipper.tasks import alongside
from shipper.world import Progress, Report, World

_LAST_WORDS = 5.0  # seconds that the rest of its output may take to come, once it has ended


@dataclass(frozen=True, kw_only=True)
class Migrate(Step):
    name = "migrate"
    specs: tuple[ContainerSpec, ...]
    """For each command, in their order."""
    deadline: float
    """Seconds, for all of them together."""

    @property
    def detail(self) -> str:
        return f"{self._commands} within {self.deadline:g} s"

    @property
    def _commands(self) -> str:
        return ", then ".join(f"`{command_text(spec)}`" for spec in self.specs)

    async def do(self, world: World, report: Report) -> str:
        ends_at = world.clock.monotonic() + self.deadline
        for spec in self.specs:
            await self._run(spec, ends_at, world, report)
        return self._commands

    async def _run(self, spec: ContainerSpec, ends_at: float, world: World, report: Report) -> None:
        found = await _found(world, spec.name)
        if found and found.ended_well:
            return
        if found and not found.is_running:
            await world.engine.remove(spec.name)
        if not found or not found.is_running:
            await world.engine.create(spec)
            await world.engine.start(spec.name)
        if not await _exits(spec.name, ends_at - world.clock.monotonic(), world, report):
            await world.engine.stop(spec.name, spec.stop_timeout)
            raise await self._failed(world, spec, f"did not end within {self.deadline:g} s, so it was stopped")
        ended = await world.engine.container(spec.name)
        if not ended.ended_well:
            raise await self._failed(world, spec, _end(ended))

    async def _failed(self, world: World, spec: ContainerSpec, reason: str) -> MigrationFailed:
        return MigrationFailed(
            f"`{command_text(spec)}` {reason}; nothing has swapped",
            logs=await last_lines(world, spec.name),
        )

    async def is_done(self, world: World) -> bool:
        """What runs on though an answer was lost is waited for."""
        for spec in self.specs:
            found = await _found(world, spec.name)
            if found and found.is_running:
                await world.engine.exits_within(spec.name, self.deadline)
                found = await world.engine.container(spec.name)
            if not found or not found.ended_well:
                return False
        return True

    async def undo(self, world: World) -> str:
        """What a command did cannot be taken back; but it does not run on while the old version goes on."""
        done = [spec for spec in self.specs if await _has_ended_well(world, spec)]
        stopped = [spec.name for spec in self.specs if spec not in done and await _stopped(world, spec)]
        if stopped:
            return f"stopped {', '.join(stopped)}; what it had done by then may stay"
        return "nothing; what the release commands did stays" if len(done) == len(self.specs) else ""


def command_text(spec: ContainerSpec) -> str:
    """As the config has it: text is given to a shell."""
    match spec.command or ():
        case ("/bin/sh", "-c", line):
            return line
        case words:
            return " ".join(words)


async def _exits(container_name: str, seconds: float, world: World, report: Report) -> bool:
    """Tells its output, from its start, while it is waited for."""

    def say(line: str) -> None:
        report(Progress(done=0, total=0, unit="line", detail=line))

    async with alongside(world.engine.follow(container_name, say)) as following:
        exits = await world.engine.exits_within(container_name, seconds)
        if exits:
            await asyncio.wait([following], timeout=_LAST_WORDS)
        if following.done() and isinstance(error := following.exception(), (ConnectError, EngineError)):
            say(f"what it writes cannot be shown: {error.what}")
    return exits


async def _found(world: World, container_name: str) -> Container | None:
    with suppress(NotThere):
        return await world.engine.container(container_name)
    return None


async def _has_ended_well(world: World, spec: ContainerSpec) -> bool:
    found = await _found(world, spec.name)
    return found is not None and found.ended_well


async def _stopped(world: World, spec: ContainerSpec) -> bool:
    """Stops what runs or may just be starting; whether there was anything to stop."""
    with suppress(NotThere):
        found = await world.engine.container(spec.name)
        await world.engine.stop(spec.name, spec.stop_timeout)
        return found.is_running
    return False


def _end(container: Container) -> str:
    if container.out_of_memory:
        return "was killed for want of memory (OOM); see roles.*.memory"
    return f"exited with code {container.exit_code}"
