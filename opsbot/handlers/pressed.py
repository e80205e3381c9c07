"""A button that somebody pressed, once it is known to be good: what its handlers are given."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiogram.types import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from opsbot.access import Person
from opsbot.desk import Desk
from opsbot.storage import decisions, messages, requests
from opsbot.storage.decisions import Decision
from opsbot.storage.requests import Phase, Request
from opsbot.views import words

OLD = "This button is not good any more."
NOT_YOURS = "This is not for you to press."


@dataclass(frozen=True, kw_only=True)
class Pressed:
    """A button that is good, pressed by somebody who is known."""

    desk: Desk
    connection: AsyncConnection
    message: Message
    person: Person
    here: Sequence[str]
    environment: str
    about: str
    now: float

    async def request(self, *phases: Phase) -> Request | None:
        """The one that its message tells of, if it is in one of these phases."""
        number = self.about.partition(".")[0]
        request = await requests.get(self.connection, int(number)) if number.isdigit() else None
        if not request or request.phase not in phases or request.environment != self.environment:
            return None
        return request if await self.is_on(request.message) else None

    async def is_on(self, message: int) -> bool:
        """Whether it was pressed on the message that has this row. Who is quick presses before its number is noted."""
        return await messages.number(self.connection, message) in (self.message.message_id, None)

    async def note(self, request: Request, decision: str, why: str = "") -> None:
        await self.note_of(words.asked(request.command), decision, why)

    async def note_of(self, what: str, decision: str, why: str = "") -> None:
        noted = Decision(
            at=self.now,
            person_id=self.person.id,
            person_name=self.person.name,
            environment=self.environment,
            decision=decision,
            what=what,
            why=why,
        )
        await decisions.note(self.connection, noted)
