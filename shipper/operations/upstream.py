"""The destination that the config promotes from: reached while we are reached, looked at while we look.

So the rule costs no round trip more than a look there takes longer than one here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shipper.env.mask import Mask
from shipper.errors import ConfigError, ShipperError
from shipper.events import Tell
from shipper.hosts.session import SystemClock, looking
from shipper.model.status import HEALTHY
from shipper.observe import Hosts
from shipper.operations.health import Eye, look_at_roles
from shipper.planning.promotion import Proof, Seen, Waiver, candidates, proof_of, refused
from shipper.planning.wanted import Wanted
from shipper.project import Project
from shipper.project.opening import at_destination
from shipper.tasks import alongside, task_group, together
from shipper.world import World


@dataclass(frozen=True, kw_only=True)
class Upstream:
    project: Project
    """Ours."""
    waived: str
    """Why nothing has to be proven, if somebody says so."""
    look: Callable[[], None]
    """Begins to look: what serves there is to be known as it is while we have the lock."""
    looking: "asyncio.Task[tuple[Seen, ...]]"

    async def prove(self, wanted: Wanted, hosts: Hosts) -> Proof | Waiver | None:
        """None where nothing has to be proven. Raises Unproven."""
        rule, promoted = self.project.config.promote_from, candidates(wanted, hosts)
        if not rule or not promoted:
            self.looking.cancel()
            return None
        if self.waived:
            return Waiver(destination=rule.destination, reason=self.waived)
        try:
            seen = await self.looking
        except ConfigError:
            raise
        except ShipperError as error:
            what = f"{wanted.release.short_version} is not proven, as {rule.destination} cannot be asked: {error.what}"
            raise refused(what, rule.destination, error.next) from None
        return proof_of(promoted, seen, rule=rule, version=wanted.release.version, now=SystemClock().now())


@asynccontextmanager
async def upstream_of(project: Project, unproven: str, tell: Tell, mask: Mask) -> AsyncIterator[Upstream]:
    waived = " ".join(unproven.split())
    is_wanted = asyncio.Event()
    async with alongside(_seen(project, waived, is_wanted, tell, mask)) as seeing:
        yield Upstream(project=project, waived=waived, look=is_wanted.set, looking=seeing)


async def _seen(project: Project, waived: str, is_wanted: asyncio.Event, tell: Tell, mask: Mask) -> tuple[Seen, ...]:
    rule = project.config.promote_from
    if not rule or waived:
        return ()
    there = await asyncio.to_thread(at_destination, project, rule.destination)
    async with looking(there, tell) as worlds:
        await is_wanted.wait()
        seen = await together({name: _seen_on(world, there, mask) for name, world in worlds.items()})
    return tuple(role for of_host in seen.values() for role in of_host)


async def _seen_on(world: World, there: Project, mask: Mask) -> list[Seen]:
    async with task_group() as reading:
        roles = reading.create_task(look_at_roles(Eye(there, mask, counts=False), world))
        image = reading.create_task(world.engine.image(there.image))
    return [
        Seen(
            host_name=role.host_name,
            role_name=role.role_name,
            container=role.container,
            image=image.result(),
            finished=role.finished,
            problem="" if role.health == HEALTHY else role.health,
        )
        for role in roles.result()
        if role.role_name in there.config.roles and role.host_name in there.config.roles[role.role_name].hosts
    ]
