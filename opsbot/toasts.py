"""What handlers return: calls of Telegram that help at once or not at all, so none is kept.

Answers to pressed buttons, above all, which end the waiting sign on them: Telegram takes one for seconds only.
"""

import asyncio
from collections.abc import Sequence

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.methods import TelegramMethod
from sqlalchemy.ext.asyncio import AsyncConnection

log = structlog.get_logger(__name__)


class Toasts:
    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._due: asyncio.Queue[TelegramMethod[bool]] = asyncio.Queue()
        self._undecided: Sequence[TelegramMethod[bool]] = ()

    async def put(
        self, connection: AsyncConnection, returned: Sequence[TelegramMethod[bool]] | None, now: float
    ) -> None:
        """What a handler has returned. It is made when what it tells of is committed: see `committed`."""
        self._undecided = returned or ()

    def committed(self) -> None:
        for toast in self._undecided:
            self._due.put_nowait(toast)

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._answer(await self._due.get()))

    async def _answer(self, toast: TelegramMethod[bool]) -> None:
        try:
            await self._bot(toast, request_timeout=10)
        except AiogramError as error:
            log.info("toast_not_shown", error=str(error))
