"""Hand over: the old container gives its lease back, and the new one, which stands by, takes it and becomes active.

The old one is sent its stop signal and goes on to finish the work that it holds; what is waited for is that the new one
says `active`. A reboot in between brings the new one back. The protocol: docs/handover.md
"""

import json
from contextlib import suppress
from dataclasses import dataclass

from shipper.config import Handover as HandoverConfig
from shipper.errors import ConnectError, ForwardingDisabled, GateFailed, NotThere
from shipper.model import SERVES, SERVES_NOT, SET_ASIDE, Container, ContainerState
from shipper.steps import Step, last_lines
from shipper.world import Progress, Report, World

_PAUSE = 0.05  # seconds between two looks
_TIMEOUT = 5.0  # seconds that one look may take


@dataclass(frozen=True, kw_only=True)
class Handover(Step):
    name = "handover"
    container_name: str
    old_names: tuple[str, ...]
    """The last one is the one that serves."""
    config: HandoverConfig
    settle: float
    """Seconds for which it must go on running when it is active."""
    stop_timeout: float

    @property
    def detail(self) -> str:
        return f"{self.container_name} becomes active" + "".join(f", {name} drains" for name in self.old_names[-1:])

    async def do(self, world: World, report: Report) -> str:
        await self._wait_until(world, report, "standby", "active")
        await world.engine.set_restart_policy(self.container_name, SERVES)
        for name in self.old_names:
            with suppress(NotThere):
                await world.engine.set_restart_policy(name, SET_ASIDE)
                await world.engine.terminate(name)
        begun = world.clock.monotonic()
        await self._wait_until(world, report, "active")
        seconds = world.clock.monotonic() - begun
        if await world.engine.exits_within(self.container_name, self.settle):
            raise await self._failed(world, "ended as soon as it was active")
        return f"{self.container_name} is active after {seconds:.2f} s"

    async def is_done(self, world: World) -> bool:
        containers = {container.name: container for container in await world.engine.containers()}
        new = containers.get(self.container_name)
        olds_gave_way = not any(containers[name].is_committed for name in self.old_names if name in containers)
        if new is None or not (new.is_running and new.is_committed and olds_gave_way):
            return False
        return await state_of(world, new, self.config) == "active"

    async def undo(self, world: World) -> str:
        """Stops the new one before the old one starts: never two at once."""
        with suppress(NotThere):
            await world.engine.set_restart_policy(self.container_name, SERVES_NOT)
            await world.engine.stop(self.container_name, self.stop_timeout)
        for name in self.old_names[-1:]:
            with suppress(NotThere):
                return await self._served_again(world, await world.engine.container(name))
        return ""

    async def _served_again(self, world: World, old: Container) -> str:
        if old.is_running and old.is_committed:
            return ""  # it was not told to end
        await world.engine.stop(old.name, self.stop_timeout)  # it may be on its way out, and would not take work again
        await world.engine.start(old.name)
        await world.engine.set_restart_policy(old.name, SERVES)  # last, so that this can be tried again
        return f"started {old.name} again"

    async def _wait_until(self, world: World, report: Report, *wanted: str) -> None:
        deadline = world.clock.monotonic() + self.config.deadline
        looks = 0
        while (state := await state_of(world, await self._running(world), self.config)) not in wanted:
            looks += 1
            report(Progress(done=looks, total=0, unit="probes", detail=state))
            if world.clock.monotonic() + _PAUSE > deadline:
                raise await self._failed(world, f"was not {wanted[-1]} within {self.config.deadline:g} s: {state}")
            await world.clock.sleep(_PAUSE)

    async def _running(self, world: World) -> Container:
        container = await world.engine.container(self.container_name)
        if container.state is not ContainerState.RUNNING:  # its restart policy has Docker start it again and again
            raise await self._failed(world, f"exited with code {container.exit_code} instead of becoming active")
        return container

    async def _failed(self, world: World, reason: str) -> GateFailed:
        return GateFailed(f"{self.container_name} {reason}", logs=await last_lines(world, self.container_name))


async def state_of(world: World, container: Container, config: HandoverConfig) -> str:
    """What the app says of itself (standby, active, draining), or why it says nothing."""
    try:
        answer = await world.host.http_get(container.address, config.port, config.path, _TIMEOUT)
        return str(json.loads(answer.body)["state"])
    except ForwardingDisabled:
        raise
    except ConnectError as error:
        return error.what
    except (ValueError, KeyError, TypeError):
        return f"GET {config.path} gives no JSON with a `state`"
