"""Answers to pressed buttons, which end the waiting sign on them. Telegram takes one for seconds only: none is kept."""

import asyncio
from collections.abc import Sequence

import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.methods import AnswerCallbackQuery
from sqlalchemy.ext.asyncio import AsyncConnection

log = structlog.get_logger(__name__)


class Toasts:
    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._due: asyncio.Queue[AnswerCallbackQuery] = asyncio.Queue()

    async def put(
        self, connection: AsyncConnection, returned: Sequence[AnswerCallbackQuery] | None, now: float
    ) -> None:
        """What a handler has returned."""
        for toast in returned or ():
            self._due.put_nowait(toast)

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._answer(await self._due.get()))

    async def _answer(self, toast: AnswerCallbackQuery) -> None:
        try:
            await self._bot(toast, request_timeout=10)
        except AiogramError as error:
            log.info("toast_not_shown", error=str(error))
