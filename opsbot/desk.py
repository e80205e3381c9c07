"""What all who work on requests stand on, and how they leave word of them."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.database import Database
from opsbot import metrics
from opsbot.config import Config
from opsbot.github import GitHub
from opsbot.keys import Keys
from opsbot.metrics import Outcome
from opsbot.projects import Projects
from opsbot.signals import Signals
from opsbot.storage import decisions, messages, requests
from opsbot.storage.decisions import Decision
from opsbot.storage.messages import Place
from opsbot.storage.requests import UNDER_WAY, Phase, Request
from opsbot.views.pages import Page
from opsbot.views.words import asked


@dataclass(frozen=True, kw_only=True)
class Desk:
    config: Config
    database: Database
    projects: Projects
    github: GitHub | None
    keys: Keys
    signals: Signals
    owner: int
    """Our number among the processes of this bot."""

    async def show(self, request: Request, page: Page, *, loud: Page | None = None, **changes: Any) -> bool:
        """In the message of the request, which changes along with it. What is over already stays so, and is no news.

        `loud` is a message of its own, which people hear: an edit makes no sound.
        """

        async def change(connection: AsyncConnection) -> bool:
            changed = await requests.change(connection, request, *UNDER_WAY, **changes)
            if changed:
                await self.write(connection, changed, page)
                if loud:
                    await self.reply(connection, changed, loud)
            return changed is not None

        is_news = await self.database.insist(change)
        self.signals.to_show.ring()
        return is_news

    async def end(self, request: Request, page: Page, *, outcome: Outcome = "done", **changes: Any) -> None:
        """As `show`."""
        if await self.show(request, page, phase=Phase.OVER, **changes):
            metrics.count(request, outcome)

    async def write(self, connection: AsyncConnection, request: Request, page: Page, *, urgent: bool = True) -> None:
        """In the message of the request."""
        await self.rewrite(connection, request.message, page, request.environment, urgent=urgent)

    async def rewrite(
        self, connection: AsyncConnection, message: int, page: Page, environment: str, *, urgent: bool = True
    ) -> None:
        """In a message that has this row."""
        if place := await messages.place(connection, message):
            view = self.keys.view(page, place.chat_id, environment, datetime.now(UTC))
            await messages.show(connection, message, view, urgent=urgent)

    async def place(self, request: Request) -> Place | None:
        """Where its message is; not where it goes to the message that it answers."""
        async with self.database.reading() as connection:
            return await messages.place(connection, request.message)

    async def reply(self, connection: AsyncConnection, request: Request, page: Page) -> None:
        """A new message that refers to that of the request, or to the command where that is not sent yet."""
        if place := await messages.place(connection, request.message):
            to = await messages.number(connection, request.message) or place.reply_to
            there = Place(chat_id=place.chat_id, thread_id=place.thread_id, reply_to=to)
            await self.send(connection, there, page, request.environment)

    async def send(self, connection: AsyncConnection, place: Place, page: Page, environment: str = "") -> int:
        """The row of the message."""
        view = self.keys.view(page, place.chat_id, environment, datetime.now(UTC))
        return await messages.add(connection, place, view, time.time())

    async def note(self, request: Request, decision: str, why: str = "") -> None:
        """Of whoever asked for it."""
        noted = Decision(
            at=time.time(),
            person_id=request.person_id,
            person_name=request.person_name,
            environment=request.environment,
            decision=decision,
            what=asked(request.command),
            why=why,
        )
        await self.database.insist(lambda connection: decisions.note(connection, noted))
