"""A recording's file: from Telegram onto the disk, for as long as it is needed."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiohttp import ClientError, ClientResponseError, ClientTimeout

STALL_SECONDS = 30.0
"""Without a byte, after which a download is given up."""
CHUNK = 1 << 16


class TooLarge(Exception):
    """Telegram does not give it to bots, or it is larger than its sender's Telegram said."""


class NotDownloaded(Exception):
    """Another try may succeed. The text has no address of a file, which would hold the token."""


class Scratch:
    """Folders for files that never stay: they go with their block, and those of a dead process with the next start.

    Another bot may have its own in the same place, and we do not know who of it lives.
    """

    def __init__(self, bot_id: int, owner: int) -> None:
        self._prefix = f"{_prefix(bot_id)}{owner}-"

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Raises NotDownloaded."""
        try:
            made = Path(tempfile.mkdtemp(prefix=self._prefix))
        except OSError as error:  # the disk is full, say
            raise NotDownloaded(f"no folder for it: {error.strerror}") from None
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    @staticmethod
    def remove_leftovers(bot_id: int, is_alive: Callable[[int], bool]) -> None:
        for left in Path(tempfile.gettempdir()).glob(f"{_prefix(bot_id)}*-*"):
            owner = left.name.removeprefix(_prefix(bot_id)).partition("-")[0]
            if owner.isdigit() and not is_alive(int(owner)):
                shutil.rmtree(left, ignore_errors=True)


def _prefix(bot_id: int) -> str:
    return f"voicebot-{bot_id}-"


async def download(bot: Bot, file_id: str, to: Path, *, largest: float) -> None:
    """At most `largest` bytes. Raises TooLarge and NotDownloaded."""
    try:
        found = await bot.get_file(file_id)
        size = await _fetch(bot, found.file_path or "", to, largest)
    except TelegramBadRequest as error:
        if "too big" in error.message:  # Telegram has no code for it
            raise TooLarge from None
        raise NotDownloaded(error.message) from None
    except ClientResponseError as error:
        raise NotDownloaded(f"HTTP {error.status}") from None
    except (ClientError, TimeoutError, AiogramError) as error:
        raise NotDownloaded(type(error).__name__) from None
    except OSError as error:
        raise NotDownloaded(f"cannot be written: {error.strerror}") from None
    if size < (found.file_size or 0):
        raise NotDownloaded("it ended early")


async def _fetch(bot: Bot, path: str, to: Path, largest: float) -> int:
    assert isinstance(bot.session, AiohttpSession)
    session = await bot.session.create_session()
    url = bot.session.api.file_url(bot.token, path)
    patience = ClientTimeout(
        total=None, sock_connect=STALL_SECONDS, sock_read=STALL_SECONDS
    )  # aiogram's is for the whole
    size = 0
    async with session.get(url, timeout=patience, raise_for_status=True) as answer:
        with to.open("wb") as file:
            async for chunk in answer.content.iter_chunked(CHUNK):
                size += len(chunk)
                if size > largest:
                    raise TooLarge
                await asyncio.to_thread(file.write, chunk)
    return size
