"""What the owner must hear of, though not each time that it happens."""

import math
import time
from html import escape

import structlog
from sqlalchemy.exc import SQLAlchemyError

from botkit.database import Database, reason
from voicebot import views
from voicebot.catalogue import texts
from voicebot.settings import Settings
from voicebot.storage import outbox

log = structlog.get_logger(__name__)

QUIET_SECONDS = 3600.0
"""Between two messages about the same."""
LONGEST_VALUE = 500
"""Characters of what a text names: an error can be longer than a message may be."""


class Trouble:
    def __init__(self, settings: Settings, database: Database) -> None:
        self._owner_id = settings.owner_id
        self._database = database
        self._told: dict[str, float] = {}

    async def tell(self, key: str, **values: object) -> None:
        """A text of the catalogue, in English: the language of the owner is not known."""
        log.error(key, **values)
        now = time.monotonic()
        if self._owner_id is None or now - self._told.get(key, -math.inf) < QUIET_SECONDS:
            return
        said = texts(None)(key, **{name: escape(str(value)[:LONGEST_VALUE]) for name, value in values.items()})
        try:
            async with self._database.writing() as connection:
                await outbox.put(connection, [views.message(self._owner_id, said)], time.time())
        except SQLAlchemyError as error:
            log.warning("database_failed", error=reason(error))  # told when it happens again
        else:
            self._told[key] = now
