"""What anybody may ask of the bot by a command."""

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command, CommandStart
from aiogram.types import CallbackQuery, Message, User
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import views
from voicebot.catalogue import Texts
from voicebot.settings import Settings
from voicebot.storage import jobs, users
from voicebot.storage.outbox import Outgoing

router = Router()


@router.message(CommandStart())
async def start(message: Message, texts: Texts) -> list[Outgoing]:
    return [views.message(message.chat.id, texts("start"))]


@router.message(Command("help"))
async def tell_help(message: Message, texts: Texts, settings: Settings) -> list[Outgoing]:
    limits = {"megabytes": f"{settings.max_megabytes:g}", "minutes": f"{settings.max_minutes:g}"}
    return [views.message(message.chat.id, texts("help", **limits))]


@router.message(Command("stats"))
async def tell_stats(
    message: Message, event_from_user: User, connection: AsyncConnection, texts: Texts, settings: Settings
) -> list[Outgoing]:
    mine = await users.totals(connection, event_from_user.id)
    lines = [texts("stats", files=mine.files, minutes=round(mine.seconds / 60))]
    if event_from_user.id == settings.owner_id:
        every = await users.totals(connection, None)
        counts = {"waiting": await jobs.count(connection, jobs.State.WAITING)}
        counts["failed"] = await jobs.count(connection, jobs.State.FAILED)
        lines.append(texts("stats_all", files=every.files, minutes=round(every.seconds / 60), **counts))
    return [views.message(message.chat.id, "\n".join(lines))]


@router.message(Command("delete"), F.chat.type == ChatType.PRIVATE)
async def ask_whether_to_erase(message: Message, texts: Texts) -> list[Outgoing]:
    choice = [(texts("delete_button"), "erase:yes"), (texts("keep_button"), "erase:no")]
    return [views.message(message.chat.id, texts("delete_question"), *choice)]


@router.callback_query(F.data == "erase:yes")
async def erase(query: CallbackQuery, connection: AsyncConnection, texts: Texts) -> list[Outgoing]:
    await users.forget(connection, query.from_user.id)
    return views.answered(query, texts("deleted"))


@router.callback_query(F.data == "erase:no")
async def keep(query: CallbackQuery, texts: Texts) -> list[Outgoing]:
    return views.answered(query, texts("kept"))
