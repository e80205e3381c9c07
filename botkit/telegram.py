"""The Bot API as our bots use it."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import structlog
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.methods import DeleteMyCommands, Response, SetMyCommands, TelegramMethod
from aiogram.types import User
from pydantic import SecretStr

from botkit.metrics import TelegramMetrics

log = structlog.get_logger(__name__)

POLL_SECONDS = 25
"""Of a long poll; Telegram's limit is 50, and a bot that has not polled for a minute is deaf."""


class TokenRefused(Exception):
    """Telegram does not know the token."""


class GetRawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates, with the updates as they came: one that aiogram cannot read does not spoil the others.

    https://core.telegram.org/bots/api#getupdates
    """

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None = None
    limit: int = 100
    timeout: int = 0
    allowed_updates: list[str]


def connect(token: SecretStr, api: str, metrics: TelegramMetrics) -> Bot:
    """`api` is the address of a Bot API server. Nothing is asked yet."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(api))
    session.middleware(_Counting(metrics))
    return Bot(token.get_secret_value(), session=session)


async def ask_who_we_are(bot: Bot) -> User:
    """Waits for Telegram if need be: a server that starts without a network finds it later. Raises TokenRefused."""
    while True:
        try:
            return await bot.me()  # which remembers it, for commands that name us
        except (TelegramUnauthorizedError, TelegramNotFound):
            raise TokenRefused("Telegram does not know BOT_TOKEN: take a new one from @BotFather") from None
        except AiogramError as error:
            log.warning("telegram_not_reached", error=str(error))
            await asyncio.sleep(2)


async def announce_commands(bot: Bot, menus: Iterable[SetMyCommands | DeleteMyCommands]) -> None:
    """Telegram keeps them: what it refuses now is told by the next start."""
    for menu in menus:
        with suppress(AiogramError):
            await bot(menu)


async def make(bot: Bot, method: TelegramMethod[Any]) -> int:
    """The number of the message, where the call makes or changes one; else 0.

    What Telegram has done is done, though its answer be in words that aiogram does not know yet.
    """
    try:
        made = await bot(method)
    except ClientDecodeError as error:
        if not (isinstance(error.data, dict) and error.data.get("ok")):
            raise
        made = error.data.get("result")
    message_id = made.get("message_id") if isinstance(made, dict) else getattr(made, "message_id", 0)
    return int(message_id or 0)


class _Counting(BaseRequestMiddleware):
    def __init__(self, metrics: TelegramMetrics) -> None:
        self._metrics = metrics

    async def __call__(
        self, make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]
    ) -> Response[Any]:
        outcome = "ok"
        try:
            return await make_request(bot, method)
        except AiogramError as error:
            outcome = type(error).__name__
            raise
        except (OSError, UnicodeDecodeError) as error:  # of the connection; or what some proxy says is no text
            outcome = TelegramNetworkError.__name__
            raise TelegramNetworkError(method=method, message=f"{type(error).__name__}: {error}") from error
        finally:
            self._metrics.calls.labels(method.__api_method__, outcome).inc()
