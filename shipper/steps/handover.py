"""Hand over: the old container gives its lease back, and the new one, which stands by, takes it and becomes active.

The old one is sent its stop signal and goes on to finish the work that it holds; what is waited for is that the new one
says `active`. A reboot in between brings the new one back. The protocol: docs/handover.md

If we run in one of them ourselves, we are asked to give way instead of being told to end, and to take the work back.
Who is killed then is started again by Docker, and stands by or takes the lease; so nobody is needed who heals.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shipper.config.workloads import Handover as HandoverConfig
from shipper.errors import ConnectError, ForwardingDisabled, GateFailed, NotThere
from shipper.model.container import SERVES, SERVES_NOT, SET_ASIDE, Container, ContainerState
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
    own_name: str = ""
    """That of these containers in which we run, if one is; of the old ones it is the last."""

    @property
    def noted(self) -> Mapping[str, Any]:
        """So that whoever finds us dead knows that the deploy died with us."""
        return {**super().noted, **({"self": self.own_name} if self.own_name else {})}

    @property
    def detail(self) -> str:
        return f"{self.container_name} becomes active" + "".join(f", {name} drains" for name in self.old_names[-1:])

    async def do(self, world: World, report: Report) -> str:
        await self._wait_until(world, report, self.container_name, "standby", "active")
        await world.engine.set_restart_policy(self.container_name, SERVES)
        for name in self.old_names:
            with suppress(NotThere):
                await world.engine.set_restart_policy(name, SET_ASIDE)
                await self._end(world, name)
        begun = world.clock.monotonic()
        await self._wait_until(world, report, self.container_name, "active")
        seconds = world.clock.monotonic() - begun
        if await world.engine.exits_within(self.container_name, self.settle):
            raise await self._failed(world, self.container_name, "ended as soon as it was active")
        if self.own_name in self.old_names:  # if we die from here on, nothing of us is to come back
            await world.engine.set_restart_policy(self.own_name, SERVES_NOT)
        return f"{self.container_name} is active after {seconds:.2f} s"

    async def _end(self, world: World, name: str) -> None:
        if name == self.own_name and world.inside:
            world.inside.give_way()
        else:
            await world.engine.terminate(name)

    async def is_done(self, world: World) -> bool:
        containers = {container.name: container for container in await world.engine.containers()}
        new = containers.get(self.container_name)
        olds_gave_way = not any(containers[name].is_committed for name in self.old_names if name in containers)
        if new is None or not (new.is_running and new.is_committed and olds_gave_way):
            return False
        return await state_of(world, new, self.config) == "active"

    async def undo(self, world: World) -> str:
        """Stops the new one before the old one starts: never two at once."""
        if self.container_name == self.own_name:
            return ""  # a deploy before this one has begun it, and we are active: there is nothing better to go back to
        if self.own_name:  # first, so that there is always one whom a reboot, or Docker if we die, brings back
            await world.engine.set_restart_policy(self.own_name, SERVES)
        with suppress(NotThere):
            await world.engine.set_restart_policy(self.container_name, SERVES_NOT)
            await world.engine.stop(self.container_name, self.stop_timeout)
        if self.own_name and world.inside:
            world.inside.take_back()
            await self._wait_until(world, _ignore, self.own_name, "active")
            return f"{self.own_name} works on"
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

    async def _wait_until(self, world: World, report: Report, name: str, *wanted: str) -> None:
        deadline = world.clock.monotonic() + self.config.deadline
        looks = 0
        while (state := await state_of(world, await self._running(world, name), self.config)) not in wanted:
            looks += 1
            report(Progress(done=looks, total=0, unit="probes", detail=state))
            if world.clock.monotonic() + _PAUSE > deadline:
                raise await self._failed(
                    world, name, f"was not {wanted[-1]} within {self.config.deadline:g} s: {state}"
                )
            await world.clock.sleep(_PAUSE)

    async def _running(self, world: World, name: str) -> Container:
        container = await world.engine.container(name)
        if container.state is not ContainerState.RUNNING:  # its restart policy has Docker start it again and again
            raise await self._failed(world, name, f"exited with code {container.exit_code} instead of becoming active")
        return container

    async def _failed(self, world: World, name: str, reason: str) -> GateFailed:
        return GateFailed(f"{name} {reason}", logs=await last_lines(world, name))


def _ignore(progress: Progress) -> None:
    """Nobody is told how far it is to take something back."""


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
