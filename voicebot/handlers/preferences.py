"""/settings: what a user speaks, and how the transcript is to look."""

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message, User as TelegramUser
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot import views
from voicebot.catalogue import Texts
from voicebot.storage import users
from voicebot.storage.outbox import Outgoing
from voicebot.storage.users import User

LANGUAGES = {
    "en": "English",
    "ru": "Русский",
    "uk": "Українська",
    "be": "Беларуская",
    "kk": "Қазақша",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "pt": "Português",
    "it": "Italiano",
    "pl": "Polski",
    "nl": "Nederlands",
    "cs": "Čeština",
    "tr": "Türkçe",
    "he": "עברית",
    "ar": "العربية",
    "fa": "فارسی",
    "hi": "हिन्दी",
    "id": "Indonesia",
    "vi": "Tiếng Việt",
    "zh": "中文",
    "ja": "日本語",
    "ko": "한국어",
}
"""Those of Whisper's hundred that most people speak, each in its own words."""

router = Router()


@router.message(Command("settings"))
async def show(
    message: Message, event_from_user: TelegramUser, connection: AsyncConnection, texts: Texts
) -> list[Outgoing]:
    user = await users.get(connection, event_from_user.id)
    return [views.message(message.chat.id, texts("settings"), *_choices(user, texts))]


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
    languages = [(name, f"speaks:{code}") for code, name in LANGUAGES.items()]
    return views.answered(query, texts("choose_language"), (texts("automatic"), "speaks:"), *languages, columns=3)


@router.callback_query(F.data.startswith("speaks:"))
async def set_language(query: CallbackQuery, connection: AsyncConnection, texts: Texts) -> list[Outgoing]:
    code = (query.data or "").removeprefix("speaks:")
    return await _change(query, connection, texts, speech_language=code if code in LANGUAGES else None)


async def _change(
    query: CallbackQuery, connection: AsyncConnection, texts: Texts, **changes: str | bool | None
) -> list[Outgoing]:
    user = await users.change(connection, query.from_user.id, **changes)
    return views.answered(query, texts("settings"), *_choices(user, texts), toast=texts("saved"))


def _choices(user: User, texts: Texts) -> list[views.Button]:
    language = LANGUAGES.get(user.speech_language or "", texts("automatic"))
    return [
        (texts("setting_language", value=language), "set:language"),
        (texts("setting_timestamps", value=texts("yes" if user.timestamps else "no")), "set:timestamps"),
        (texts("setting_translate", value=texts("yes" if user.translate else "no")), "set:translate"),
    ]
