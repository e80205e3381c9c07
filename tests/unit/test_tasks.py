"""Tasks that belong to a block."""

import asyncio

import pytest

from shipper.errors import ConnectError
from shipper.tasks import task_group


async def fails() -> None:
    await asyncio.sleep(0)
    raise ConnectError("no answer")


async def test_a_task_that_fails_does_not_leave_the_one_that_waited_marked_as_interrupted() -> None:
    task = asyncio.current_task()
    assert task

    with pytest.raises(ConnectError):
        async with task_group() as group:
            group.create_task(fails())

    assert task.cancelling() == 0


async def test_an_interrupt_from_outside_is_not_taken_for_one_of_the_group() -> None:
    async def works() -> int:
        task = asyncio.current_task()
        assert task
        try:
            async with task_group() as group:
                group.create_task(asyncio.sleep(60))
        except asyncio.CancelledError:
            return task.cancelling()
        return -1

    async with asyncio.TaskGroup() as group:
        working = group.create_task(works())
        await asyncio.sleep(0)
        working.cancel()

    assert working.result() == 1
