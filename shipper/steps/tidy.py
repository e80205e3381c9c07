"""Remove images of earlier commits from this machine, and what the builder keeps beyond the limit that it was given."""

from contextlib import suppress
from dataclasses import dataclass

from shipper.errors import EngineError
from shipper.model.words import size_text
from shipper.steps import HERE, Step
from shipper.tasks import task_group
from shipper.world import Report, World


@dataclass(frozen=True, kw_only=True)
class Tidy(Step):
    name = "tidy"
    host_name: str = HERE
    image_names: tuple[str, ...]
    cache_limit: int | None

    @property
    def detail(self) -> str:
        count = len(self.image_names)
        images = f"{count} image{'s' * (count > 1)}" if count else ""
        cache = f"the builder's cache above {size_text(self.cache_limit)}" if self.cache_limit is not None else ""
        return ", ".join(filter(None, (images, cache)))

    async def do(self, world: World, report: Report) -> str:
        async with task_group() as going:
            for name in self.image_names:
                going.create_task(_remove(world, name))
            if self.cache_limit is not None:
                going.create_task(world.images.limit_cache(self.cache_limit))
        return self.detail


async def _remove(world: World, name: str) -> None:
    with suppress(EngineError):  # gone already, or in use by someone
        await world.images.remove(name)
