"""People who use bots."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.telegram.bots import Bot, Query
from tests.fakes.telegram.chats import Attachment, Chat, File, Message, Person, Version
from tests.fakes.telegram.entities import Text, typed

if TYPE_CHECKING:
    from tests.fakes.telegram.cloud import Cloud

_MIME_TYPES = {"voice": "audio/ogg", "audio": "audio/mpeg", "video": "video/mp4"}
_NAMES = {"voice": "voice.oga", "audio": "audio.mp3", "video": "video.mp4", "video_note": "note.mp4"}
_EXTRA: Mapping[str, dict[str, Any]] = {"video": {"width": 640, "height": 480}, "video_note": {"length": 240}}


@dataclass(kw_only=True, eq=False)
class User(Person):
    """Writes to the first bot, in private, unless a `chat` is given."""

    cloud: "Cloud" = field(repr=False)

    @property
    def chat(self) -> Chat:
        return self.cloud.private_chat(self, self.cloud.bot)

    def chat_with(self, bot: Bot) -> Chat:
        return self.cloud.private_chat(self, bot)

    def sends_text(
        self, text: str, *, chat: Chat | None = None, reply_to: Message | None = None, **told: Any
    ) -> Message:
        """`told` is what Telegram says of the message beside: `sender_chat`, say, or another `from`."""
        return self._sends(chat, typed(text), reply_to=reply_to, told=told)

    def sends_voice(self, source: bytes | Path, *, duration: float = 1, **options: Any) -> Message:
        return self.sends_file("voice", source, duration=duration, **options)

    def sends_audio(self, source: bytes | Path, *, duration: float = 1, **options: Any) -> Message:
        return self.sends_file("audio", source, duration=duration, **options)

    def sends_video(self, source: bytes | Path, *, duration: float = 1, **options: Any) -> Message:
        return self.sends_file("video", source, duration=duration, **options)

    def sends_video_note(self, source: bytes | Path, *, duration: float = 1, **options: Any) -> Message:
        return self.sends_file("video_note", source, duration=duration, **options)

    def sends_document(self, source: bytes | Path, **options: Any) -> Message:
        return self.sends_file("document", source, **options)

    def sends_file(
        self,
        kind: str,
        source: bytes | Path,
        *,
        duration: float | None = None,
        name: str = "",
        mime_type: str = "",
        size: int | None = None,
        caption: str = "",
        chat: Chat | None = None,
        reply_to: Message | None = None,
    ) -> Message:
        """`size` is what Telegram says of it, if that is not the truth."""
        data = source if isinstance(source, bytes) else source.read_bytes()
        known_as = name or _NAMES.get(kind) or (source.name if isinstance(source, Path) else "file.bin")
        file = File(data=data, size=len(data) if size is None else size, name=known_as)
        details: dict[str, Any] = {**_EXTRA.get(kind, {})}
        if duration is not None:
            details["duration"] = int(duration)
        if kind in ("audio", "video", "document"):
            details["file_name"] = known_as
        if found := mime_type or _MIME_TYPES.get(kind):
            details["mime_type"] = found
        attachment = Attachment(kind=kind, file=self.cloud.files.add(file), details=details)
        return self._sends(chat, typed(caption), attachment=attachment, reply_to=reply_to)

    def forwards(self, message: Message, *, chat: Chat | None = None) -> Message:
        first = message.versions[0]
        origin = {"type": "user", "sender_user": message.sender.as_json(), "date": int(first.at)}
        text = message.versions[-1].text
        return self._sends(chat, text, attachment=message.attachment, forward_origin=origin)

    def clicks(self, label: str, on: Message) -> Query:
        """Presses the inline button whose label contains this."""
        found = [button for button in on.buttons if label in button["text"]]
        assert len(found) == 1, f"{len(found)} buttons with {label!r} in {on.labels} of message {on.id}: {on.text!r}"
        bot = on.sender
        assert isinstance(bot, Bot)
        return self.cloud.click(self, bot, on, found[0].get("callback_data", ""))

    def blocks(self, bot: Bot) -> None:
        bot.blocked_by.add(self.id)
        self._changes_membership(bot, "member", "kicked")

    def unblocks(self, bot: Bot) -> None:
        bot.blocked_by.discard(self.id)
        self._changes_membership(bot, "kicked", "member")

    def commands_of(self, bot: Bot, group: Chat | None = None) -> list[dict[str, str]]:
        """The menu of a private chat, or of a group, in this person's language.

        https://core.telegram.org/bots/api#determining-list-of-commands
        """
        for scope in _group_scopes(group.id, self.id) if group else _private_scopes(self.id):
            for language in (self.language_code, ""):
                key = json.dumps({**scope, "language_code": language}, sort_keys=True)
                if key in bot.commands:
                    return bot.commands[key]
        return []

    def _sends(self, chat: Chat | None, text: Text, **options: Any) -> Message:
        chat = chat or self.chat
        version = Version(at=self.cloud.clock.now(), text=text)
        return self.cloud.deliver(chat.add(sender=self, version=version, **options))

    def _changes_membership(self, bot: Bot, old: str, new: str) -> None:
        """https://core.telegram.org/bots/api#chatmemberupdated"""
        member = {"user": bot.as_json(), "until_date": 0}
        bot.mailbox.post(
            "my_chat_member",
            {
                "chat": self.chat_with(bot).as_json(),
                "from": self.as_json(),
                "date": int(self.cloud.clock.now()),
                "old_chat_member": {"status": old, **member},
                "new_chat_member": {"status": new, **member},
            },
        )


def _private_scopes(user_id: int) -> tuple[dict[str, Any], ...]:
    return {"chat_id": user_id, "type": "chat"}, {"type": "all_private_chats"}, {"type": "default"}


def _group_scopes(chat_id: int, user_id: int) -> tuple[dict[str, Any], ...]:
    return (
        {"chat_id": chat_id, "type": "chat_member", "user_id": user_id},
        {"chat_id": chat_id, "type": "chat"},
        {"type": "all_group_chats"},
        {"type": "default"},
    )
