"""Commands on this machine."""

import pytest

from shipper.errors import HookError
from shipper.world import World


async def run(world: World, *command: str) -> int:
    return await world.commands.run(command, {}, 5, lambda line: None)


async def test_a_command_gives_its_exit_code(world: World) -> None:
    assert [await run(world, "true"), await run(world, "false")] == [0, 1]


async def test_a_command_that_is_not_there_cannot_be_run(world: World) -> None:
    with pytest.raises(HookError, match="cannot be run"):
        await run(world, "absent")
