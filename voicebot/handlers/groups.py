"""Commands in a group that name the bot: /help@its_name. Without a name they may be meant for another bot."""

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.types import Message

from voicebot import limits, views
from voicebot.catalogue import Texts
from voicebot.settings import Settings
from voicebot.storage.outbox import Outgoing

router = Router()
router.message.filter(F.chat.type != ChatType.PRIVATE)


@router.message(Command("start", "help", magic=F.mention))
async def tell_help(message: Message, texts: Texts, settings: Settings, username: str) -> list[Outgoing]:
    return [views.answer(message, texts("help", username=username, **limits.told(settings)))]


@router.message(Command("settings", "stats", "delete", magic=F.mention))
async def refer_to_private(message: Message, texts: Texts, username: str) -> list[Outgoing]:
    return [views.answer(message, texts("in_private", username=username))]
