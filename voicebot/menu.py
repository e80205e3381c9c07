"""The commands that Telegram offers beside the input field: https://core.telegram.org/bots/api#setmycommands"""

from aiogram.methods import SetMyCommands
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeUnion,
)

from voicebot import catalogue
from voicebot.catalogue import Texts

PRIVATE = ("start", "help", "settings", "stats", "delete", "transcribe")
GROUP = ("transcribe", "help")
OWNER = (*PRIVATE, "dead")


def menus(owner_id: int | None) -> list[SetMyCommands]:
    """In each language that we speak, and without one for everybody else."""
    scopes: list[tuple[BotCommandScopeUnion, tuple[str, ...]]] = [
        (BotCommandScopeAllPrivateChats(), PRIVATE),
        (BotCommandScopeAllGroupChats(), GROUP),
    ]
    if owner_id is not None:
        scopes.append((BotCommandScopeChat(chat_id=owner_id), OWNER))
    spoken: list[tuple[str | None, Texts]] = [(None, catalogue.texts(None)), *catalogue.languages().items()]
    return [
        SetMyCommands(commands=_described(names, texts), scope=scope, language_code=language)
        for scope, names in scopes
        for language, texts in spoken
    ]


def _described(names: tuple[str, ...], texts: Texts) -> list[BotCommand]:
    return [BotCommand(command=name, description=texts(f"command_{name}")) for name in names]
