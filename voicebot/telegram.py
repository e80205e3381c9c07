"""The Bot API as the bot uses it."""

from typing import Any

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import NextRequestMiddlewareType
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import AiogramError, ClientDecodeError, TelegramNetworkError
from aiogram.methods import Response, TelegramMethod

from voicebot import metrics
from voicebot.settings import Settings

POLL_SECONDS = 25
"""Of a long poll; Telegram's limit is 50, and a bot that has not polled for a minute is deaf."""
ALLOWED_UPDATES = ["message", "callback_query", "my_chat_member"]


class GetRawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates, with the updates as they came: one that aiogram cannot read does not spoil the others.

    https://core.telegram.org/bots/api#getupdates
    """

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None = None
    limit: int = 100
    timeout: int = 0
    allowed_updates: list[str] = ALLOWED_UPDATES


def connect(settings: Settings) -> Bot:
    session = AiohttpSession(api=TelegramAPIServer.from_base(settings.telegram_api))
    session.middleware(_count)
    return Bot(settings.bot_token.get_secret_value(), session=session)


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


async def _count(make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]) -> Response[Any]:
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
        metrics.calls.labels(method.__api_method__, outcome).inc()
