"""The locks of all hosts that a command acts on: all of them, or none."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from shipper.errors import HostError, Locked
from shipper.model.records import Holder
from shipper.tasks import task_group, together
from shipper.world import World


@asynccontextmanager
async def locked(worlds: Mapping[str, World], holder: Holder, *, wait: float = 0.0) -> AsyncIterator[None]:
    """Holds the locks of all hosts. The first by name is taken first, and tells who of two that come together has all.

    Tries again for `wait` seconds; then raises Locked, with none held.
    """
    ordered = [worlds[name] for name in sorted(worlds)]
    await _take(ordered, holder, wait)
    try:
        async with task_group() as beating:
            beats = [beating.create_task(world.journal.beat()) for world in ordered]
            try:
                yield
            finally:
                for beat in beats:
                    beat.cancel()
    finally:
        await _unlock(ordered)


async def _unlock(worlds: list[World]) -> None:
    await together({world.host_name: world.journal.unlock() for world in worlds})


async def _take(worlds: list[World], holder: Holder, wait: float) -> None:
    clock = worlds[0].clock
    deadline = clock.monotonic() + wait
    while True:
        try:
            await worlds[0].journal.lock(holder)
            await together({world.host_name: world.journal.lock(holder) for world in worlds[1:]})
        except BaseException as error:
            await _unlock(worlds)
            if isinstance(error, HostError):
                for world in worlds:
                    await world.engine.platform()  # who may not use Docker has no right to the lock either: told first
            if not isinstance(error, Locked) or clock.monotonic() >= deadline:
                raise
            await clock.sleep(1.0)
        else:
            return
