"""A desk with a real database, and requests on it; nobody works there."""

import time
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

import shipper
from botkit.database import Database
from opsbot.command import Command
from opsbot.config import Config
from opsbot.desk import Desk
from opsbot.keys import Keys
from opsbot.projects import Projects
from opsbot.settings import Settings
from opsbot.signals import Signals
from opsbot.storage import messages, requests
from opsbot.storage.messages import Place, View
from opsbot.storage.requests import Phase, Request
from opsbot.verbs import Verb

DEPLOY = Command(verb=Verb.DEPLOY, environment="production", version="1" * 40)
ANN = 1


def a_desk(database: Database, project: Path) -> Desk:
    """Ann may do everything."""
    people = {"Ann": {"id": ANN, "may": "admin"}}
    config = Config.model_validate({"environments": {"production": {}}, "people": people})
    inside = shipper.Inside(container_id="", give_way=print, take_back=print, leave=print)
    settings = Settings(bot_token=SecretStr("1:token"), project_folder=project)
    return Desk(
        config=config,
        database=database,
        projects=Projects(settings, config, {}, shipper.Connections(), inside),
        github=None,
        keys=Keys(shipper.Secret("1:token"), {"production": "shop"}),
        signals=Signals(),
        owner=1,
    )


async def in_phase(
    connection: AsyncConnection, phase: Phase, *, owner: int | None, command: Command = DEPLOY, person_id: int = ANN
) -> Request:
    """With a message in Ann's chat."""
    message = await messages.add(connection, Place(chat_id=ANN), View(text="⏳"), time.time())
    added = await requests.add(
        connection, command, person_id=person_id, person_name="Ann", phase=phase, message=message, now=time.time()
    )
    changed = await requests.change(connection, added, phase, owner=owner)
    assert changed
    return changed
