"""Stop a container that serves no more. It is kept, stopped, for its logs and to hold its image."""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import NotThere
from shipper.model.container import SERVES_NOT
from shipper.steps import Step, how_it_ended
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Retire(Step):
    name = "retire"
    container_name: str
    timeout: float
    drains: bool = False
    """It was sent its stop signal before: it is not disturbed again before `timeout`."""
    is_self: bool = False
    """We run in it: it ends by itself, when the deploy has ended."""

    @property
    def detail(self) -> str:
        return self.container_name

    async def do(self, world: World, report: Report) -> str:
        if self.is_self:
            await world.engine.set_restart_policy(self.container_name, SERVES_NOT)
            return f"{self.container_name} ends after this deploy"
        with suppress(NotThere):
            if self.drains and not await world.engine.exits_within(self.container_name, self.timeout):
                await world.engine.stop(self.container_name, 0)
            begun = world.clock.monotonic()
            await world.engine.set_restart_policy(self.container_name, SERVES_NOT)
            await world.engine.stop(self.container_name, self.timeout)
            if world.clock.monotonic() - begun >= self.timeout:
                return how_it_ended(await world.engine.container(self.container_name), self.timeout)
            return self.container_name
        return f"{self.container_name} is gone already"

    async def is_done(self, world: World) -> bool:
        with suppress(NotThere):
            container = await world.engine.container(self.container_name)
            return not (container.has_mark if self.is_self else container.is_in_use)
        return True
