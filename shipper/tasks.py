"""Tasks that belong to a block of code: all have ended when it is left, and its error is a plain one."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from shipper.errors import ShipperError

Key = TypeVar("Key")
Result = TypeVar("Result")


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """asyncio.TaskGroup, which cancels the others when one fails, but raises the first error instead of a group."""
    task = asyncio.current_task()
    assert task
    cancellations = task.cancelling()
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        if task.cancelling() > cancellations:
            # The group cancels the task that waits for it, and up to Python 3.12 forgets to take that back, so that we
            # would count as interrupted ever after. https://github.com/python/cpython/issues/116720
            task.uncancel()
        raise _first(errors) from None


async def together(work: Mapping[Key, Coroutine[Any, Any, Result]]) -> dict[Key, Result]:
    """All at once, each result under its key. When one fails the others are cancelled, and its error is raised."""
    async with task_group() as group:
        tasks = {key: group.create_task(coroutine) for key, coroutine in work.items()}
    return {key: task.result() for key, task in tasks.items()}


@asynccontextmanager
async def alongside(work: Coroutine[Any, Any, Result]) -> AsyncIterator[asyncio.Task[Result]]:
    """Begins work whose result or error is for those who wait for it, if anybody; ends it when the block is left."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    leaves = _leaves(errors)
    return next((error for error in leaves if isinstance(error, ShipperError)), leaves[0])


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]


async def uninterrupted(work: Coroutine[Any, Any, Result]) -> Result:
    """As `finish`, for requests that could act after what undoes them; raises CancelledError when it has ended."""
    task = asyncio.current_task()
    assert task
    cancellations = task.cancelling()
    result = await finish(work)
    if task.cancelling() > cancellations:
        raise asyncio.CancelledError
    return result


async def finish(work: Coroutine[Any, Any, Result]) -> Result:
    """Lets `work` come to its end though we are cancelled. The caller finds out by `asyncio.Task.cancelling`."""
    task = asyncio.get_running_loop().create_task(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    return task.result()
