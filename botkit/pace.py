"""How often a chat may be written to.

Telegram allows about a message a second in a private chat, 20 a minute in a group, and 30 a second in all, edits
included; it says no more than that, and takes bursts: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

import asyncio
import math
import time
from dataclasses import dataclass, field

PRIVATE_SECONDS = 1.0
GROUP_SECONDS = 4.0
BURST = 4
"""Calls that may come at once in a chat where it was quiet: in a group, 19 within a minute at most."""
KEPT_FOR_RESULTS = 2
"""Of the burst, what edits of a growing text leave for what is final."""
EDIT_PRIVATE_SECONDS = 3.0
EDIT_GROUP_SECONDS = 6.0
"""Between two edits of a growing text."""
ALL_SECONDS = 1 / 20
ALL_BURST = 8
"""At most 28 come within a second."""
MOST_CHATS = 10_000
"""Beyond that, quiet ones are forgotten."""


@dataclass
class _Chat:
    interval: float
    due: float = 0.0
    """When the calls that were made would all have been made, one each interval: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm"""
    edited_at: float = -math.inf
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Pace:
    def __init__(self) -> None:
        self._chats: dict[int, _Chat] = {}
        self._all_due = 0.0

    def writing(self, chat_id: int) -> asyncio.Lock:
        """Who holds it is the only one who writes to that chat, so what is sent last is seen last."""
        return self._chat(chat_id).writing

    def resting(self) -> dict[int, float]:
        """Chats that may not be written to yet, and for how many seconds."""
        now = time.monotonic()
        waits = ((chat_id, chat.due - (BURST - 1) * chat.interval - now) for chat_id, chat in self._chats.items())
        return {chat_id: wait for chat_id, wait in waits if wait > 0}

    async def turn(self, chat_id: int) -> None:
        """Waits until a message may be sent, and counts it."""
        now = time.monotonic()
        chat = self._chat(chat_id)
        self._count(chat, now)
        ready = max(chat.due - BURST * chat.interval, self._all_due - ALL_BURST * ALL_SECONDS)
        await asyncio.sleep(max(0.0, ready - now))

    def takes_edit(self, chat_id: int) -> bool:
        """Whether a growing text may be edited now; if so, that is counted."""
        now = time.monotonic()
        chat = self._chat(chat_id)
        soon = EDIT_PRIVATE_SECONDS if chat_id > 0 else EDIT_GROUP_SECONDS
        is_busy = (
            chat.due - now > (BURST - KEPT_FOR_RESULTS) * chat.interval
            or self._all_due - now > ALL_SECONDS * ALL_BURST / 2
        )
        if is_busy or now - chat.edited_at < soon or chat.writing.locked():
            return False
        chat.edited_at = now
        self._count(chat, now)
        return True

    def hold(self, chat_id: int, seconds: float) -> None:
        """Nothing is written to this chat for so long."""
        chat = self._chat(chat_id)
        chat.due = max(chat.due, time.monotonic() + seconds + (BURST - 1) * chat.interval)

    def _count(self, chat: _Chat, now: float) -> None:
        chat.due = max(chat.due, now) + chat.interval
        self._all_due = max(self._all_due, now) + ALL_SECONDS

    def _chat(self, chat_id: int) -> _Chat:
        if len(self._chats) > MOST_CHATS:
            now = time.monotonic()
            self._chats = {key: chat for key, chat in self._chats.items() if chat.due > now or chat.writing.locked()}
        # Groups have negative numbers: https://core.telegram.org/bots/api#chat
        return self._chats.setdefault(chat_id, _Chat(PRIVATE_SECONDS if chat_id > 0 else GROUP_SECONDS))
