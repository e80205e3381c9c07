"""Wait for the end of a command of `release` that a deploy which died left running; stop it when that takes too long.

It is of another release than the one that comes now, whose commands must not run beside it.
"""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import NotThere
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Wait(Step):
    name = "wait"
    container_name: str
    deadline: float
    """Seconds."""
    stop_timeout: float

    @property
    def detail(self) -> str:
        return f"{self.container_name}, or stop it after {self.deadline:g} s"

    async def do(self, world: World, report: Report) -> str:
        with suppress(NotThere):
            if await world.engine.exits_within(self.container_name, self.deadline):
                ended = await world.engine.container(self.container_name)
                return f"{self.container_name} ended with code {ended.exit_code}"
            await world.engine.stop(self.container_name, self.stop_timeout)
            return f"{self.container_name} did not end within {self.deadline:g} s, so it was stopped"
        return f"{self.container_name} is gone"

    async def is_done(self, world: World) -> bool:
        with suppress(NotThere):
            return not (await world.engine.container(self.container_name)).is_running
        return True
