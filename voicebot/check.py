"""Whether the bot could run, as far as it can be told without running it."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiogram.exceptions import AiogramError, TelegramNetworkError, TelegramNotFound, TelegramUnauthorizedError
from aiogram.methods import GetMe
from sqlalchemy.exc import SQLAlchemyError

from botkit.database import DatabaseUrlError, file_of, parse, reason
from botkit.telegram import connect
from voicebot import metrics
from voicebot.settings import Settings, WhisperSettings, processors
from voicebot.storage.schema import MIGRATIONS


@dataclass(frozen=True, kw_only=True)
class Finding:
    about: str
    said: str
    is_well: bool


def findings(settings: Settings, whisper_settings: WhisperSettings) -> Iterator[Finding]:
    yield _settings(settings)
    yield _database(settings)
    yield _model(whisper_settings)
    yield asyncio.run(_telegram(settings))


def _settings(settings: Settings) -> Finding:
    count = len(settings.allowed_users - {settings.owner_id})
    people = f"the owner and {count} more" if settings.allowed_users else "everybody, since ALLOWED_USERS is not set"
    owner = settings.owner_id or "nobody: set OWNER_ID to be told of trouble"
    return _well("settings", f"for {people}; the owner is {owner}")


def _database(settings: Settings) -> Finding:
    try:
        url = parse(settings.database_url.get_secret_value())
        file = file_of(url)
        if file and not file.exists():
            return _to_be_made(file)
        found = MIGRATIONS.look(url)
    except (SQLAlchemyError, DatabaseUrlError) as error:
        return _ill("database", reason(error))
    said = f"{file or url.get_backend_name()}, revision {found.revision or 'none'}"
    if found.is_newer:
        return _well("database", f"{said}: newer than this version, which can use it")
    return _well("database", f"{said}: will be migrated to {found.newest_known}" if found.is_behind else said)


def _to_be_made(file: Path) -> Finding:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if folder.is_dir() and os.access(folder, os.W_OK):
        return _well("database", f"{file} will be made")
    return _ill("database", f"{file} cannot be made: {folder} is no folder that we may write to")


def _model(settings: WhisperSettings) -> Finding:
    from voicebot.whisper import ModelError, Whisper

    try:
        Whisper(settings)
    except (ModelError, OSError) as error:
        return _ill("model", str(error))
    threads = f"{settings.worker_count} at once, each on {settings.threads_each} of {processors()} processors"
    return _well("model", f"{settings.model} on {settings.device} as {settings.compute_type}; {threads}")


async def _telegram(settings: Settings) -> Finding:
    async with connect(settings.bot_token, settings.telegram_api, metrics.telegram) as bot:
        try:
            me = await bot(GetMe())
        except (TelegramUnauthorizedError, TelegramNotFound):
            return _ill("Telegram", "it does not know BOT_TOKEN: take a new one from @BotFather")
        except TelegramNetworkError:
            return _ill("Telegram", f"{settings.telegram_api} cannot be reached")
        except AiogramError as error:
            return _ill("Telegram", f"{settings.telegram_api}: {error}")
    return _well("Telegram", f"@{me.username}")


def _well(about: str, said: str) -> Finding:
    return Finding(about=about, said=said, is_well=True)


def _ill(about: str, said: str) -> Finding:
    return Finding(about=about, said=said.partition("\n")[0], is_well=False)
