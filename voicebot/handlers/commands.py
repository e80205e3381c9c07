"""What anybody may ask of the bot by a command, in private."""

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command, CommandStart
from aiogram.types import CallbackQuery, Message
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import limits, views
from voicebot.catalogue import Texts
from voicebot.settings import Settings
from voicebot.storage import jobs, users
from voicebot.storage.jobs import State
from voicebot.storage.outbox import Outgoing

router = Router()
router.message.filter(F.chat.type == ChatType.PRIVATE)


@router.message(CommandStart())
async def start(message: Message, texts: Texts) -> list[Outgoing]:
    return [views.answer(message, texts("start"))]


@router.message(Command("help"))
async def tell_help(message: Message, texts: Texts, settings: Settings, username: str) -> list[Outgoing]:
    return [views.answer(message, texts("help", username=username, **limits.told(settings)))]


@router.message(Command("stats"))
async def tell_stats(
    message: Message, sender_id: int, connection: AsyncConnection, texts: Texts, settings: Settings
) -> list[Outgoing]:
    mine = await users.totals(connection, sender_id)
    days, length = f"{settings.keep_days:g}", views.timestamp(mine.seconds)
    lines = [texts("stats", days=days, files=mine.files, length=length, user_id=sender_id)]
    if sender_id == settings.owner_id:
        every = await users.totals(connection, None)
        counts = {state: await jobs.count(connection, state) for state in (State.WAITING, State.FAILED)}
        lines.append(texts("stats_all", files=every.files, length=views.timestamp(every.seconds), **counts))
    return [views.answer(message, "\n".join(lines))]


@router.message(Command("delete"))
async def ask_whether_to_erase(message: Message, texts: Texts) -> list[Outgoing]:
    choice = [(texts("delete_button"), "erase:yes"), (texts("keep_button"), "erase:no")]
    return [views.answer(message, texts("delete_question"), *choice)]


@router.callback_query(F.data == "erase:yes")
async def erase(query: CallbackQuery, connection: AsyncConnection, texts: Texts) -> list[Outgoing]:
    """What waits is cancelled by being forgotten; who is at it finds nothing to hand over to."""
    unfinished = await jobs.unfinished(connection, query.from_user.id)
    await users.forget(connection, query.from_user.id)
    closed = [call for job in unfinished for call in views.closed(job, texts("cancelled"))]
    return [*closed, *views.answered(query, texts("deleted"))]


@router.callback_query(F.data == "erase:no")
async def keep(query: CallbackQuery, texts: Texts) -> list[Outgoing]:
    return views.answered(query, texts("kept"))
