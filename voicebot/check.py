"""Whether the bot could run, as far as it can be told without running it."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiogram.exceptions import AiogramError
from aiogram.methods import GetMe
from sqlalchemy.exc import SQLAlchemyError

from voicebot import storage
from voicebot.settings import Settings, WhisperSettings
from voicebot.storage import DatabaseUrlError, schema
from voicebot.telegram import connect


@dataclass(frozen=True, kw_only=True)
class Finding:
    about: str
    said: str
    is_well: bool


def findings(settings: Settings, whisper_settings: WhisperSettings) -> Iterator[Finding]:
    yield Finding(about="settings", said=_settings(settings), is_well=True)
    yield _database(settings)
    yield _model(whisper_settings)
    yield asyncio.run(_telegram(settings))


def _settings(settings: Settings) -> str:
    people = f"{len(settings.allowed_users)} people and the owner" if settings.allowed_users else "everybody"
    owner = settings.owner_id or "nobody: set OWNER_ID to be told of trouble"
    return f"for {people}; owner {owner}"


def _database(settings: Settings) -> Finding:
    try:
        url = storage.parse(settings.database_url.get_secret_value())
        file = storage.file_of(url)
        if file and not file.exists():
            return Finding(about="database", said=f"{file} will be made", is_well=_can_be_made(file))
        found = schema.look(url)
    except (SQLAlchemyError, DatabaseUrlError) as error:
        return Finding(about="database", said=storage.reason(error), is_well=False)
    state = "newer than this version, which can use it" if found.is_newer else "will be migrated"
    said = f"{url.get_backend_name()}, revision {found.revision}"
    current = found.revision == found.newest_known
    return Finding(about="database", said=said if current else f"{said}: {state}", is_well=True)


def _can_be_made(file: Path) -> bool:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    return os.access(folder, os.W_OK)


def _model(settings: WhisperSettings) -> Finding:
    from voicebot.whisper import ModelError, Whisper

    try:
        Whisper(settings)
    except (ModelError, OSError) as error:
        return Finding(about="model", said=str(error), is_well=False)
    threads = f"{settings.worker_count} at once, {settings.threads_each} processors each"
    return Finding(
        about="model", said=f"{settings.model} on {settings.device}, {settings.compute_type}; {threads}", is_well=True
    )


async def _telegram(settings: Settings) -> Finding:
    async with connect(settings) as bot:
        try:
            me = await bot(GetMe())
        except AiogramError as error:
            return Finding(about="Telegram", said=f"{settings.telegram_api} {error}", is_well=False)
    return Finding(about="Telegram", said=f"@{me.username}", is_well=True)
