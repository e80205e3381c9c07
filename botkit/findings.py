"""Whether a bot could run, as far as it can be told without running it."""

import os
from dataclasses import dataclass
from pathlib import Path

from aiogram.exceptions import AiogramError, TelegramNetworkError, TelegramNotFound, TelegramUnauthorizedError
from aiogram.methods import GetMe
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from botkit.database import DatabaseUrlError, file_of, parse, reason
from botkit.metrics import TelegramMetrics
from botkit.schema import Migrations
from botkit.telegram import connect


@dataclass(frozen=True, kw_only=True)
class Finding:
    about: str
    said: str
    is_well: bool


def well(about: str, said: str) -> Finding:
    return Finding(about=about, said=said, is_well=True)


def ill(about: str, said: str) -> Finding:
    """Of what is said, the first line."""
    return Finding(about=about, said=said.partition("\n")[0], is_well=False)


def look_at_database(database_url: SecretStr, migrations: Migrations) -> Finding:
    """Changes nothing."""
    try:
        url = parse(database_url.get_secret_value())
        file = file_of(url)
        if file and not file.exists():
            return _to_be_made(file)
        found = migrations.look(url)
    except (SQLAlchemyError, DatabaseUrlError) as error:
        return ill("database", reason(error))
    said = f"{file or url.get_backend_name()}, revision {found.revision or 'none'}"
    if found.is_newer:
        return well("database", f"{said}: newer than this version, which can use it")
    return well("database", f"{said}: will be migrated to {found.newest_known}" if found.is_behind else said)


def _to_be_made(file: Path) -> Finding:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if folder.is_dir() and os.access(folder, os.W_OK):
        return well("database", f"{file} will be made")
    return ill("database", f"{file} cannot be made: {folder} is no folder that we may write to")


async def look_at_telegram(token: SecretStr, api: str, metrics: TelegramMetrics) -> Finding:
    async with connect(token, api, metrics) as bot:
        try:
            me = await bot(GetMe())
        except (TelegramUnauthorizedError, TelegramNotFound):
            return ill("Telegram", "it does not know BOT_TOKEN: take a new one from @BotFather")
        except TelegramNetworkError:
            return ill("Telegram", f"{api} cannot be reached")
        except AiogramError as error:
            return ill("Telegram", f"{api}: {error}")
    return well("Telegram", f"@{me.username}")
