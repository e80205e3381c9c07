"""Remove what is beyond `retain`, and what failed deploys left."""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import EngineError, NotThere
from shipper.steps import Step
from shipper.tasks import together
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
        """The images after the containers that hold them, and last the records, which tell which images are ours."""
        await together({name: _remove_container(world, name) for name in self.container_names})
        await together({name: _remove_image(world, name) for name in self.image_names})
        if self.release_numbers:
            await world.state.remove(self.release_numbers)
        return self.detail


async def _remove_container(world: World, name: str) -> None:
    with suppress(NotThere):
        await world.engine.remove(name)


async def _remove_image(world: World, name: str) -> None:
    with suppress(EngineError):  # gone already, or held by a container that is not ours
        await world.engine.remove_image(name)
