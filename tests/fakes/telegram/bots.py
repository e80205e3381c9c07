"""A bot's account: its token, its updates, the chats that it is in."""

from dataclasses import dataclass, field
from typing import Any, Literal

from tests.fakes.telegram.chats import Attachment, Chat, Message, Person, Version
from tests.fakes.telegram.clock import Clock
from tests.fakes.telegram.entities import Text
from tests.fakes.telegram.mailbox import Mailbox
from tests.fakes.telegram.refusal import Refusal, bad_request

QUERY_LIVES = 150.0
LARGEST_CALLBACK_DATA = 64


@dataclass(kw_only=True, eq=False)
class Query:
    """A click, and what the bot answers to it."""

    id: str
    person: Person
    message: Message
    data: str
    at: float
    tells: Literal["all", "number", "nothing"] = "all"
    """What Telegram tells of the message: of an old one its number, of one that a person sent by a bot nothing."""
    answer: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """https://core.telegram.org/bots/api#callbackquery"""
        return {
            "id": self.id,
            "from": self.person.as_json(),
            **self._of_message(),
            "chat_instance": str(self.message.chat.id),
            "data": self.data,
        }

    def _of_message(self) -> dict[str, Any]:
        match self.tells:
            case "all":
                return {"message": self.message.as_json()}
            case "number":  # https://core.telegram.org/bots/api#inaccessiblemessage
                return {"message": {"chat": self.message.chat.as_json(), "message_id": self.message.id, "date": 0}}
            case "nothing":
                return {"inline_message_id": f"inline-{self.message.id}"}


@dataclass(kw_only=True, eq=False)
class Bot(Person):
    token: str
    clock: Clock
    mailbox: Mailbox
    is_bot: bool = True
    is_revoked: bool = False
    sees_all_in_groups: bool = False
    """Privacy mode is off: https://core.telegram.org/bots/features#privacy-mode"""
    chats: dict[int, Chat] = field(default_factory=dict)
    queries: dict[str, Query] = field(default_factory=dict)
    commands: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """By scope and language, as JSON."""
    blocked_by: set[int] = field(default_factory=set)
    actions: list[tuple[int, str]] = field(default_factory=list)
    """Chat and action: typing, upload_document, …"""

    @property
    def mention(self) -> str:
        return f"@{self.username}"

    def as_json(self) -> dict[str, Any]:
        """https://core.telegram.org/bots/api#getme"""
        can = {"can_join_groups": True, "supports_inline_queries": False, "can_connect_to_business": False}
        privacy = {"can_read_all_group_messages": self.sees_all_in_groups, "has_main_web_app": False}
        return {**super().as_json(), **can, **privacy}

    def chat_to_write_to(self, chat_id: int) -> Chat:
        if chat_id in self.blocked_by:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        if chat_id not in self.chats:
            raise bad_request("chat not found")
        if new_id := self.chats[chat_id].migrated_to:
            said = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refusal(400, said, migrate_to_chat_id=new_id)
        return self.chats[chat_id]

    def writes(
        self,
        chat: Chat,
        text: Text,
        *,
        markup: dict[str, Any] | None = None,
        reply_to: Message | None = None,
        attachment: Attachment | None = None,
        is_silent: bool = False,
    ) -> Message:
        version = Version(at=self.clock.now(), text=text, markup=markup)
        return chat.add(sender=self, version=version, reply_to=reply_to, attachment=attachment, is_silent=is_silent)

    def changes(self, message: Message, text: Text, markup: dict[str, Any] | None) -> None:
        if message.sender is not self:
            raise bad_request("message can't be edited")
        version = Version(at=self.clock.now(), text=text, markup=markup)
        if version.says_the_same_as(message.versions[-1]):
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same as a "
                "current content and reply markup of the message"
            )
        message.versions.append(version)

    def answers_query(self, query_id: str, answer: dict[str, Any]) -> None:
        query = self.queries.get(query_id)
        if not query or query.at + QUERY_LIVES <= self.clock.now():
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        query.answer = answer

    def hears(self, message: Message) -> None:
        """A person wrote it in a chat that the bot is in."""
        if message.chat.kind == "private" or self.sees_all_in_groups or self._is_meant_by(message):
            self.mailbox.post("message", message.as_json())

    def _is_meant_by(self, message: Message) -> bool:
        if message.reply_to and message.reply_to.sender is self:
            return True
        command, _, addressee = message.text.partition(" ")[0].partition("@")
        is_command = command.startswith("/") and addressee in ("", self.username)
        return is_command or self.mention in message.text.split()
