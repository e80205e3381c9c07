"""/settings: what a user speaks, and how the transcript is to look."""

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import languages, views
from voicebot.catalogue import Texts
from voicebot.storage import users
from voicebot.storage.outbox import Outgoing
from voicebot.storage.users import User

router = Router()
router.message.filter(F.chat.type == ChatType.PRIVATE)


@router.message(Command("settings"))
async def show(message: Message, sender_id: int, connection: AsyncConnection, texts: Texts) -> list[Outgoing]:
    user = await users.get(connection, sender_id)
    return [views.answer(message, texts("settings"), *_choices(user, texts))]


@router.callback_query(F.data == "set:timestamps")
async def switch_timestamps(query: CallbackQuery, connection: AsyncConnection, texts: Texts) -> list[Outgoing]:
    user = await users.get(connection, query.from_user.id)
    return await _change(query, connection, texts, timestamps=not user.timestamps)


@router.callback_query(F.data == "set:translate")
async def switch_translation(query: CallbackQuery, connection: AsyncConnection, texts: Texts) -> list[Outgoing]:
    user = await users.get(connection, query.from_user.id)
    return await _change(query, connection, texts, translate=not user.translate)


@router.callback_query(F.data == "set:language")
async def ask_language(query: CallbackQuery, texts: Texts) -> list[Outgoing]:
    choice = [(name, f"speaks:{code}") for code, name in languages.NAMES.items()]
    return views.answered(query, texts("choose_language"), (texts("automatic"), "speaks:"), *choice, columns=3)


@router.callback_query(F.data.startswith("speaks:"))
async def set_language(query: CallbackQuery, connection: AsyncConnection, texts: Texts) -> list[Outgoing]:
    code = (query.data or "").removeprefix("speaks:")
    return await _change(query, connection, texts, speech_language=code if code in languages.NAMES else None)


async def _change(
    query: CallbackQuery, connection: AsyncConnection, texts: Texts, **changes: str | bool | None
) -> list[Outgoing]:
    user = await users.change(connection, query.from_user.id, **changes)
    return views.answered(query, texts("settings"), *_choices(user, texts), toast=texts("saved"))


def _choices(user: User, texts: Texts) -> list[views.Button]:
    language = languages.name(user.speech_language) if user.speech_language else texts("automatic")
    return [
        (texts("setting_language", value=language), "set:language"),
        (texts("setting_timestamps", value=texts("yes" if user.timestamps else "no")), "set:timestamps"),
        (texts("setting_translate", value=texts("yes" if user.translate else "no")), "set:translate"),
    ]
