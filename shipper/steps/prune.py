"""Remove what is beyond `retain`, and what failed deploys left."""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import EngineError, NotThere
from shipper.steps import Step
from shipper.tasks import task_group
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Prune(Step):
    name = "prune"
    container_names: tuple[str, ...]
    image_names: tuple[str, ...]
    release_numbers: tuple[int, ...]

    @property
    def detail(self) -> str:
        counted = (
            (self.container_names, "container"),
            (self.image_names, "image"),
            (self.release_numbers, "release record"),
        )
        return ", ".join(f"{len(names)} {noun}{'s' * (len(names) > 1)}" for names, noun in counted if names)

    async def do(self, world: World, report: Report) -> str:
        async with task_group() as pruning:
            pruning.create_task(self._remove_containers_and_images(world))
            if self.release_numbers:
                pruning.create_task(world.state.remove(self.release_numbers))
        return self.detail

    async def _remove_containers_and_images(self, world: World) -> None:
        """Images after the containers that hold them."""
        async with task_group() as removing:
            for name in self.container_names:
                removing.create_task(_remove_container(world, name))
        async with task_group() as removing:
            for name in self.image_names:
                removing.create_task(_remove_image(world, name))


async def _remove_container(world: World, name: str) -> None:
    with suppress(NotThere):
        await world.engine.remove(name)


async def _remove_image(world: World, name: str) -> None:
    with suppress(EngineError):  # gone already, or held by a container that is not ours
        await world.engine.remove_image(name)
