"""What a process that died had begun."""

from botkit.presence import Presence
from opsbot.desk import Desk
from opsbot.storage import messages, requests
from opsbot.storage.requests import Phase


async def take_over(desk: Desk, present: Presence) -> None:
    """What only looked is looked at again."""
    async with desk.database.writing() as connection:
        for request in await requests.in_phases(connection, Phase.LOOKING, Phase.ACTING):
            if request.owner is None or not present.is_alive(request.owner):
                await requests.change(connection, request, Phase.LOOKING, phase=Phase.WAITING, owner=None)
        for owner in await messages.owners(connection):
            if not present.is_alive(owner):
                await messages.take_back(connection, owner)
