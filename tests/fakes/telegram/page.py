"""A web page that looks like a chat, for people: what a user sees, and all that a user may do."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.fakes.telegram.bots import Bot
from tests.fakes.telegram.chats import Chat, Message
from tests.fakes.telegram.people import User
from tests.fakes.telegram.server import Telegram

LANGUAGES = ("en", "ru", "de", "es", "fr", "pt-br", "uk")
_ASSETS = Path(__file__).parent / "assets"
_LOOK_EVERY = 0.05
_SAFE = {
    "Content-Security-Policy": "default-src 'self'; img-src data:; media-src 'self' blob:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A chat as a person has it in the list."""

    title: str
    chat: Chat
    bots: tuple[Bot, ...]
    """Those that are in it."""

    @property
    def is_group(self) -> bool:
        return self.chat.kind != "private"


class TelegramWithPage(Telegram):
    """The page is at `url`. Everybody has a chat with every bot, and all are in all groups."""

    def routes(self) -> list[web.RouteDef]:
        return [
            *super().routes(),
            web.get("/", self._index),
            web.get("/page/view", self._view),
            web.get("/page/files/{file_id}", self._file),
            web.get(r"/page/{name:page\.(js|css)}", self._asset),
            web.post("/page/text", self._text),
            web.post("/page/file", self._upload),
            web.post("/page/click", self._click),
            web.post("/page/forward", self._forward),
            web.post("/page/language", self._language),
        ]

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(_ASSETS / "index.html", headers=_SAFE)

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(_ASSETS / request.match_info["name"], headers=_SAFE)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        file = self.files.find(request.match_info["file_id"])
        headers = {**_SAFE, "Content-Disposition": "attachment"}
        return web.Response(body=file.data, content_type="application/octet-stream", headers=headers)

    async def _view(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: all that the user sees, again whenever it changes."""
        user = self._user(request.query)
        response = web.StreamResponse(headers={**_SAFE, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        shown = ""
        while True:
            seen = json.dumps(self._seen_by(user, request.query.get("chat", "")))
            if seen != shown:
                await response.write(f"data: {seen}\n\n".encode())
                shown = seen
            await asyncio.sleep(_LOOK_EVERY)

    async def _text(self, request: web.Request) -> web.StreamResponse:
        asked = await _asked(request)
        self._user(asked).sends_text(asked["text"], **self._where(asked))
        return web.json_response({})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        _refuse_strangers(request)
        asked = request.query
        self._user(asked).sends_file(
            asked["kind"],
            await request.read(),
            duration=float(asked["duration"]) if asked.get("duration") else None,
            name=asked["name"],
            mime_type=request.content_type,
            **self._where(asked),
        )
        return web.json_response({})

    async def _click(self, request: web.Request) -> web.StreamResponse:
        asked = await _asked(request)
        message = self._chat(asked).find(int(asked["message"]))
        if message:
            bot = message.sender
            assert isinstance(bot, Bot)
            self.click(self._user(asked), bot, message, asked["data"])
        return web.json_response({})

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        asked = await _asked(request)
        message = self._chat(asked).find(int(asked["message"]))
        if message:
            self._user(asked).forwards(message, chat=self._chat(asked, "to"))
        return web.json_response({})

    async def _language(self, request: web.Request) -> web.StreamResponse:
        asked = await _asked(request)
        self._user(asked).language_code = asked["language"]
        return web.json_response({})

    def _user(self, asked: Any) -> User:
        return next((user for user in self.users if str(user.id) == str(asked.get("user"))), self.users[0])

    def _chat(self, asked: Any, key: str = "chat") -> Chat:
        return self._chats_of(self._user(asked))[asked[key]].chat

    def _where(self, asked: Any) -> dict[str, Any]:
        chat = self._chat(asked)
        return {"chat": chat, "reply_to": chat.find(int(asked.get("reply_to") or 0))}

    def _seen_by(self, user: User, wanted: str) -> dict[str, Any]:
        chats = self._chats_of(user)
        chosen = wanted if wanted in chats else next(iter(chats))
        seen = chats[chosen]
        return {
            "user": user.id,
            "users": [{"id": each.id, "name": each.first_name} for each in self.users],
            "language": user.language_code,
            "languages": LANGUAGES,
            "chat": chosen,
            "chats": [_listed(key, listed) for key, listed in chats.items()],
            "commands": [command for bot in seen.bots for command in _commands(user, bot, seen)],
            "messages": [_shown(message, user) for message in seen.chat.messages],
            "answers": [
                {"id": query.id, **query.answer}
                for bot in seen.bots
                for query in bot.queries.values()
                if query.person is user and query.answer and query.answer["text"]
            ],
        }

    def _chats_of(self, user: User) -> dict[str, Seen]:
        """Those with the same bot, and the same groups, have the same key for everybody."""
        found = {str(bot.id): Seen(title=bot.first_name, chat=user.chat_with(bot), bots=(bot,)) for bot in self.bots}
        for group in self.groups:
            bots = tuple(bot for bot in self.bots if group.id in bot.chats)
            found[str(group.id)] = Seen(title=group.title, chat=group, bots=bots)
        return found


async def _asked(request: web.Request) -> dict[str, Any]:
    _refuse_strangers(request)
    asked: dict[str, Any] = await request.json()
    return asked


def _refuse_strangers(request: web.Request) -> None:
    """Other web pages in the same browser could write to a bot that deploys."""
    if request.headers.get("Origin") != f"http://{request.host}":
        raise web.HTTPForbidden


def _listed(key: str, seen: Seen) -> dict[str, Any]:
    last = seen.chat.last if seen.chat.messages else None
    return {
        "key": key,
        "title": seen.title,
        "last": _summary(last) if last else "",
        "listening": [bot.first_name for bot in seen.bots if bot.mailbox.is_polled],
        "is_group": seen.is_group,
    }


def _commands(user: User, bot: Bot, seen: Seen) -> list[dict[str, str]]:
    """With the name of the bot where there may be others."""
    commands = user.commands_of(bot, seen.chat if seen.is_group else None)
    to = bot.mention if seen.is_group else ""
    return [{**command, "command": f"{command['command']}{to}"} for command in commands]


def _shown(message: Message, user: User) -> dict[str, Any]:
    last = message.versions[-1]
    return {
        "id": message.id,
        "sender": message.sender.first_name,
        "is_mine": message.sender is user,
        "at": int(message.versions[0].at),
        "edits": len(message.versions) - 1,
        "text": last.text.plain,
        "entities": last.text.entities,
        "keyboard": (last.markup or {}).get("inline_keyboard", []),
        "file": _file_of(message),
        "reply_to": _reply_of(message),
        "forwarded": message.forward_origin["sender_user"]["first_name"] if message.forward_origin else "",
        "is_silent": message.is_silent,
        "reaction": message.reaction,
    }


def _file_of(message: Message) -> dict[str, Any] | None:
    if not message.attachment:
        return None
    kind, file, details = message.attachment.kind, message.attachment.file, message.attachment.details
    return {"kind": kind, "id": file.file_id, "name": file.name, "size": file.size, "duration": details.get("duration")}


def _reply_of(message: Message) -> dict[str, Any] | None:
    if not message.reply_to:
        return None
    return {"sender": message.reply_to.sender.first_name, "summary": _summary(message.reply_to)}


def _summary(message: Message) -> str:
    kind = message.attachment.kind.replace("_", " ") if message.attachment else ""
    return message.text[:80] or kind
