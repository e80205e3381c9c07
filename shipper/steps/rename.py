"""Give a container another name, which makes room for its successor; or give it its own name back."""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import NotThere
from shipper.steps import Step
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Rename(Step):
    name = "rename"
    container_name: str
    new_name: str
    makes_room: bool
    """For what follows: if that fails, what took its place is removed, and it gets its name back."""

    @property
    def detail(self) -> str:
        return f"{self.container_name} to {self.new_name}"

    async def do(self, world: World, report: Report) -> str:
        await world.engine.rename(self.container_name, self.new_name)
        return ""

    async def is_done(self, world: World) -> bool:
        return await _exists(world, self.new_name) and not await _exists(world, self.container_name)

    async def undo(self, world: World) -> str:
        if self.makes_room and await _exists(world, self.new_name):
            with suppress(NotThere):
                await world.engine.remove(self.container_name)
            await world.engine.rename(self.new_name, self.container_name)
        return ""


async def _exists(world: World, container_name: str) -> bool:
    with suppress(NotThere):
        return bool(await world.engine.container(container_name))
    return False
