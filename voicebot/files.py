"""A recording's file: from Telegram onto the disk, for as long as it is needed."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import aiohttp
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest

STALL_SECONDS = 30.0
"""Without a byte, after which a download is given up."""
_PREFIX = "voicebot-"


class TooLarge(Exception):
    """Telegram does not give it to bots, or it is larger than its sender's Telegram said."""


class NotDownloaded(Exception):
    """Another try may succeed. The text has no address of a file, which would hold the token."""


class Scratch:
    """Folders for files that never stay: they go with their block, and those of a dead process with the next start."""

    def __init__(self, owner: int) -> None:
        self._prefix = f"{_PREFIX}{owner}-"

    @contextmanager
    def folder(self) -> Iterator[Path]:
        made = Path(tempfile.mkdtemp(prefix=self._prefix))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    @staticmethod
    def remove_leftovers(is_alive: Callable[[int], bool]) -> None:
        for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
            owner = left.name.removeprefix(_PREFIX).partition("-")[0]
            if owner.isdigit() and not is_alive(int(owner)):
                shutil.rmtree(left, ignore_errors=True)


async def download(bot: Bot, file_id: str, to: Path, *, largest: float) -> None:
    """At most `largest` bytes. Raises TooLarge and NotDownloaded."""
    try:
        path = (await bot.get_file(file_id)).file_path
    except TelegramBadRequest as error:
        if "too big" in error.message:  # Telegram has no code for it
            raise TooLarge from None
        raise NotDownloaded(error.message) from None
    except AiogramError as error:
        raise NotDownloaded(type(error).__name__) from None
    if not path:
        raise NotDownloaded("Telegram names no path of it")
    try:
        await _fetch(bot, path, to, largest)
    except (aiohttp.ClientError, TimeoutError, AiogramError, OSError) as error:
        status = f" {error.status}" if isinstance(error, aiohttp.ClientResponseError) else ""
        raise NotDownloaded(f"{type(error).__name__}{status}") from None


async def _fetch(bot: Bot, path: str, to: Path, largest: float) -> None:
    url = bot.session.api.file_url(bot.token, path)
    stream = bot.session.stream_content(url, timeout=int(STALL_SECONDS), chunk_size=1 << 16, raise_for_status=True)
    size = 0
    with to.open("wb") as file:
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > largest:
                    raise TooLarge
                await asyncio.to_thread(file.write, chunk)
