"""Keeps a chat of Telegram up to date: with one message that lives, and with what is said beside it.

What the message shows is a state: the newest one counts, those before it need not arrive, and the last one is brought
there until it is. How a method of the Bot API is called is for others to know.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shipper.config.parts import TelegramChat
from shipper.model.outcome import Deployed
from shipper.model.secret import Secret
from shipper.notify.announcement import Announcement
from shipper.notify.buttons import Button, sign_button
from shipper.notify.living import Living
from shipper.notify.telegram_text import bold, escaped
from shipper.world import Clock

# Telegram says no more than this: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
# In a group there may be 20 a minute; a deploy leaves some of them to others.
_EDIT_PRIVATE, _EDIT_GROUP = 3.0, 5.0  # seconds between two edits while it goes on
_TICK = 15.0  # seconds after which times are shown anew, though nothing happened
_AGAIN = 2.0  # seconds until something is tried again that may pass
_BUTTON_LIVES = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """https://core.telegram.org/bots/api#making-requests"""

    message: Mapping[str, Any] | None = None
    """As it is now; nothing of it where it was so already."""
    why: str = ""
    """It was not done."""
    may_pass: bool = False
    """It may be done if it is tried again."""
    wait: float = 0.0
    """Seconds for which Telegram wants to be left alone."""
    moved_to: int | None = None
    """The number that the chat has now."""


Call = Callable[[str, dict[str, Any]], Awaitable[Answer]]
"""A method, and its parameters."""


@dataclass(frozen=True, kw_only=True)
class _Beside:
    text: str
    is_silent: bool


class Chat:
    def __init__(self, to: TelegramChat, service: str, clock: Clock) -> None:
        self._to = to
        self._service = service
        self._clock = clock
        self._chat_id = to.chat if to.chat.startswith("@") else int(to.chat)
        self._message_id: int | None = None
        self._follows = False
        """The message lives from the start on, not only in the end."""
        self._is_silent = True
        """The first sending of that message."""
        self._living: Living | None = None
        self._shown: Living | None = None
        self._beside: deque[_Beside] = deque()
        self._edited_at = 0.0
        self._news = asyncio.Event()
        self._closed = False
        self.why = ""
        """The newest reason why something could not be sent."""
        self.rests_until = 0.0
        """By the clock's monotonic time: Telegram asked for it."""

    def announce(self, announcement: Announcement, living: Living | None) -> None:
        match announcement.occasion:
            case "freeze":
                title, text = escaped(announcement.title, 500), escaped(announcement.text, 500)
                self._beside.append(_Beside(text=f"🧊 {bold(title)}\n{text}", is_silent=True))
            case "failure" if self._follows and living:
                self._beside.append(_Beside(text=living.alarm(), is_silent=False))
            case occasion:
                self._follows = self._follows or occasion == "start"
                self._is_silent = occasion != "failure"
                self._living = living
        self._news.set()

    def follow(self, living: Living) -> None:
        if self._follows:
            self._living = living
            self._news.set()

    def close(self) -> None:
        """Nothing more comes."""
        self._closed = True
        self._news.set()

    async def deliver(self, token: Secret, call: Call) -> str:
        """Until it is closed and all is there, or cannot be brought there: why."""
        while await self._is_due():
            answer = await self._send(token, call)
            self.why = answer.why
            if answer.moved_to:
                self._chat_id = answer.moved_to
            elif answer.may_pass:
                if answer.wait:
                    self.rests_until = self._clock.monotonic() + answer.wait
                await self._clock.sleep(answer.wait or _AGAIN)
            elif answer.why:
                return answer.why
        return ""

    @property
    def _is_behind(self) -> bool:
        return self._living is not self._shown

    @property
    def _is_urgent(self) -> bool:
        is_first_or_last = self._message_id is None or self._closed or (self._living and self._living.is_over)
        return bool(self._beside) or (self._is_behind and bool(is_first_or_last))

    async def _is_due(self) -> bool:
        """Waits until something is to be sent; False when nothing more comes."""
        while not self._is_urgent:
            if self._closed:
                return False
            pause = self._pause()
            left = None if pause is None else self._edited_at + pause - self._clock.monotonic()
            if left is not None and left <= 0:
                return True
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()
        return True

    def _pause(self) -> float | None:
        """Between two edits, as it is now; None: there is nothing to edit."""
        if self._is_behind:
            is_private = isinstance(self._chat_id, int) and self._chat_id > 0
            return _EDIT_PRIVATE if is_private else _EDIT_GROUP
        return _TICK if self._living and not self._living.is_over else None

    async def _send(self, token: Secret, call: Call) -> Answer:
        if self._living and (self._is_behind or not self._beside):
            return await self._bring(self._living, token, call)
        return await self._say(self._beside[0], call)

    async def _bring(self, living: Living, token: Secret, call: Call) -> Answer:
        parameters = {**self._parameters(living.text(self._clock.now())), **self._keyboard(living, token)}
        has_all = "reply_markup" in parameters or not self._wants_roll_back(living)
        self._edited_at = self._clock.monotonic()
        if self._message_id is None:
            answer = await call("sendMessage", {**parameters, "disable_notification": self._is_silent})
        else:
            answer = await call("editMessageText", {**parameters, "message_id": self._message_id})
            if answer.why and not answer.may_pass:  # it was deleted, say: a new one takes its place
                self._message_id = None
                return Answer()
        if answer.message is not None:
            self._message_id = answer.message.get("message_id", self._message_id)
            self._chat_id = answer.message.get("chat", {}).get("id", self._chat_id)
            self._shown = living if has_all else None
        return answer

    async def _say(self, beside: _Beside, call: Call) -> Answer:
        parameters = {**self._parameters(beside.text), "disable_notification": beside.is_silent}
        if self._message_id is not None:
            parameters["reply_parameters"] = {"message_id": self._message_id, "allow_sending_without_reply": True}
        answer = await call("sendMessage", parameters)
        if answer.message is not None:
            self._beside.popleft()
        return answer

    def _parameters(self, text: str) -> dict[str, Any]:
        parameters = {"chat_id": self._chat_id, "text": text, "parse_mode": "HTML"}
        topic = {"message_thread_id": self._to.topic} if self._to.topic else {}
        return {**parameters, **topic, "link_preview_options": {"is_disabled": True}}

    def _wants_roll_back(self, living: Living) -> bool:
        """A deploy that replaced something, if there is somebody to answer."""
        facts = living.facts
        has_changed = isinstance(living.outcome, Deployed) and facts.command == "deploy" and facts.replaces is not None
        return self._to.buttons and has_changed

    def _keyboard(self, living: Living, token: Secret) -> dict[str, Any]:
        """The number of a chat that the config calls by its name is known when it was written to."""
        if not self._wants_roll_back(living) or isinstance(self._chat_id, str):
            return {}
        until = self._clock.now() + _BUTTON_LIVES
        button = Button(verb="roll-back", argument=str(living.facts.release), until=until)
        data = sign_button(button, token=token, service=self._service, chat_id=self._chat_id)
        return {"reply_markup": {"inline_keyboard": [[{"text": "Roll back", "callback_data": data}]]}}
