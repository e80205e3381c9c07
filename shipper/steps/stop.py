"""Stop the old container before the new one starts: for roles that must not run twice."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shipper.errors import NotThere
from shipper.model.container import SERVES, SERVES_NOT, SET_ASIDE
from shipper.steps import Step, how_it_ended
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Stop(Step):
    name = "stop"
    container_name: str
    timeout: float
    was_serving: bool
    """Then it is set aside, and starts again if the deploy fails."""

    @property
    def detail(self) -> str:
        return self.container_name

    @property
    def noted(self) -> Mapping[str, Any]:
        """With that by which what somebody wanted to stop is told from what was only in the way."""
        return {**super().noted, "was_serving": self.was_serving}

    async def do(self, world: World, report: Report) -> str:
        mark = SET_ASIDE if self.was_serving else SERVES_NOT
        return await _stop_with_mark(world, self.container_name, self.timeout, mark)

    async def is_done(self, world: World) -> bool:
        with suppress(NotThere):
            container = await world.engine.container(self.container_name)
            return not (container.is_running or container.is_committed)
        return True

    async def undo(self, world: World) -> str:
        if not self.was_serving:
            return ""
        with suppress(NotThere):
            if not (await world.engine.container(self.container_name)).is_running:
                await world.engine.start(self.container_name)
            await world.engine.set_restart_policy(self.container_name, SERVES)
            return f"started {self.container_name} again"
        return f"{self.container_name} is gone"


async def _stop_with_mark(world: World, container_name: str, timeout: float, mark: str) -> str:
    """Stops a container so that it does not come back at boot, as `always` would have it; says how it ended.

    The mark comes after the stop: a server that reboots in between brings back what served, and nothing else.
    """
    await world.engine.stop(container_name, timeout)
    await world.engine.set_restart_policy(container_name, mark)
    container = await world.engine.container(container_name)
    if container.is_running:  # Docker was started again in between
        await world.engine.stop(container_name, timeout)
        container = await world.engine.container(container_name)
    return how_it_ended(container, timeout)
