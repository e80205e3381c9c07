"""Who writes, where, and what: persons, chats, messages with all their versions, files."""

import functools
import hashlib
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from tests.fakes.telegram.entities import Text

Found = TypeVar("Found")
_file_numbers = itertools.count(1)


@dataclass(kw_only=True, eq=False)
class Person:
    id: int
    first_name: str
    username: str
    language_code: str = ""
    is_bot: bool = False

    def as_json(self) -> dict[str, Any]:
        """https://core.telegram.org/bots/api#user"""
        language = {"language_code": self.language_code} if self.language_code else {}
        names = {"first_name": self.first_name, "username": self.username}
        return {"id": self.id, "is_bot": self.is_bot, **names, **language}


@dataclass(frozen=True, kw_only=True)
class File:
    """`size` is what Telegram says; tests of large files need no such contents."""

    data: bytes = field(repr=False)
    size: int
    name: str
    number: int = field(default_factory=lambda: next(_file_numbers))

    @property
    def file_id(self) -> str:
        return f"file-{self.number}"

    @functools.cached_property
    def file_unique_id(self) -> str:
        """Of the contents: the same whoever sends it."""
        return hashlib.sha256(self.data + str(self.size).encode()).hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        return {"file_id": self.file_id, "file_unique_id": self.file_unique_id, "file_size": self.size}


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file in a message. `kind` is its key in the message: voice, audio, video, video_note, document."""

    kind: str
    file: File
    details: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {self.kind: {**self.file.as_json(), **self.details}}


@dataclass(frozen=True, kw_only=True)
class Version:
    """A message as it stood from `at` on (Telegram's clock)."""

    at: float
    text: Text
    markup: dict[str, Any] | None = None

    def says_the_same_as(self, other: "Version") -> bool:
        return (self.text, self.markup) == (other.text, other.markup)


@dataclass(kw_only=True, eq=False)
class Message:
    chat: "Chat"
    id: int
    sender: Person
    versions: list[Version]
    attachment: Attachment | None = None
    reply_to: "Message | None" = None
    forward_origin: dict[str, Any] | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    """What else Telegram says of it: `sender_chat`, say, `via_bot` or `message_thread_id`."""
    is_silent: bool = False
    reaction: str = ""
    is_deleted: bool = False

    @property
    def text(self) -> str:
        """Or the caption."""
        return self.versions[-1].text.plain

    @property
    def texts(self) -> list[str]:
        """All that it ever said."""
        return [version.text.plain for version in self.versions]

    @property
    def buttons(self) -> list[dict[str, Any]]:
        rows = (self.versions[-1].markup or {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]

    @property
    def labels(self) -> list[str]:
        return [button["text"] for button in self.buttons]

    def as_json(self) -> dict[str, Any]:
        """https://core.telegram.org/bots/api#message"""
        first, last = self.versions[0], self.versions[-1]
        return {
            "message_id": self.id,
            "from": self.sender.as_json(),
            "chat": self.chat.as_json(),
            "date": int(first.at),
            **({"edit_date": int(last.at)} if len(self.versions) > 1 else {}),
            **({"reply_to_message": self._without_reply()} if self.reply_to else {}),
            **({"forward_origin": self.forward_origin} if self.forward_origin else {}),
            **({"reply_markup": last.markup} if last.markup else {}),
            **self._content(last.text),
            **self.told,
        }

    def _without_reply(self) -> dict[str, Any]:
        assert self.reply_to
        return {key: value for key, value in self.reply_to.as_json().items() if key != "reply_to_message"}

    def _content(self, text: Text) -> dict[str, Any]:
        key = "caption" if self.attachment else "text"
        entities_key = "caption_entities" if self.attachment else "entities"
        attached = self.attachment.as_json() if self.attachment else {}
        written = {key: text.plain, entities_key: [*text.entities]} if text.plain else {}
        return {**attached, **written}


@dataclass(kw_only=True, eq=False)
class Chat:
    """What one person, or a group, sees. Waiting blocks its thread, which must not be that of a bot under test."""

    id: int
    title: str
    kind: Literal["private", "supergroup"]
    migrated_to: int | None = None
    """The number that it has now."""
    everything: list[Message] = field(default_factory=list)
    """Deleted messages too."""
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def messages(self) -> list[Message]:
        return [message for message in self.everything if not message.is_deleted]

    @property
    def from_bots(self) -> list[Message]:
        return [message for message in self.messages if message.sender.is_bot]

    @property
    def last(self) -> Message:
        return self.messages[-1]

    def add(
        self,
        *,
        sender: Person,
        version: Version,
        attachment: Attachment | None = None,
        reply_to: Message | None = None,
        forward_origin: dict[str, Any] | None = None,
        told: Mapping[str, Any] | None = None,
        is_silent: bool = False,
    ) -> Message:
        message = Message(
            chat=self,
            id=next(self._numbers),
            sender=sender,
            versions=[version],
            attachment=attachment,
            reply_to=reply_to,
            forward_origin=forward_origin,
            told=told or {},
            is_silent=is_silent,
        )
        self.everything.append(message)
        return message

    def as_json(self) -> dict[str, Any]:
        """https://core.telegram.org/bots/api#chat"""
        name = {"first_name": self.title} if self.kind == "private" else {"title": self.title}
        return {"id": self.id, "type": self.kind, **name}

    def find(self, message_id: int) -> Message | None:
        return next((message for message in self.messages if message.id == message_id), None)

    def answers_to(self, message: Message) -> list[Message]:
        return [answer for answer in self.from_bots if answer.reply_to is message]

    def wait_for(self, text: str, *, within: float = 10.0) -> Message:
        """The newest message of a bot that contains the text."""
        return self.wait_until(
            lambda: next((message for message in reversed(self.from_bots) if text in message.text), None),
            f"a message with {text!r}",
            within=within,
        )

    def wait_for_answer(self, message: Message, text: str = "", *, within: float = 10.0) -> Message:
        """The newest reply of a bot to that message that contains the text."""
        return self.wait_until(
            lambda: next((answer for answer in reversed(self.answers_to(message)) if text in answer.text), None),
            f"an answer with {text!r} to message {message.id}",
            within=within,
        )

    def wait_until(self, look: Callable[[], Found | None], what: str, *, within: float = 10.0) -> Found:
        """What `look` finds; after `within` seconds an error that tells what stands in the chat instead."""
        deadline = time.monotonic() + within
        while not (found := look()):
            assert time.monotonic() < deadline, f"{what} did not come within {within:g} s; {self.told()}"
            time.sleep(0.01)
        return found

    def told(self) -> str:
        lines = [f"  {message.id} {message.sender.first_name}: {message.text!r}" for message in self.messages]
        return "\n".join([f"in {self.title} there are {len(lines)} messages:", *lines])
