"""What bots are set by: environment variables of these names in capitals, or a file .env in the working folder."""

import re
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Kind = TypeVar("Kind", bound=BaseSettings)
_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")
FROM_ENVIRONMENT = SettingsConfigDict(
    env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, use_attribute_docstrings=True
)
"""The `model_config` of a kind of settings."""


class SettingsError(Exception):
    """What is set makes no sense; one line for each variable, without its value."""


def _numbers(value: object) -> object:
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _like_a_token(value: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError("is no token of @BotFather's: those look like 123456789:AbC…")
    return value


def _like_a_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("should begin with http:// or https://")
    return value


BotToken = Annotated[SecretStr, AfterValidator(_like_a_token)]
"""One of @BotFather's."""
Url = Annotated[str, AfterValidator(_like_a_url)]
"""Of HTTP."""
UserIds = Annotated[frozenset[int], NoDecode, BeforeValidator(_numbers)]
"""Numbers of Telegram, separated by commas or spaces."""


def read(kind: type[Kind]) -> Kind:
    """The settings of one kind. Raises SettingsError."""
    refuse_mistakes(kind)
    return kind()


def refuse_mistakes(*kinds: type[BaseSettings]) -> None:
    """Raises SettingsError, with all that is wrong with any of them."""
    if wrong := [line for kind in kinds for line in _mistakes(kind)]:
        raise SettingsError("\n".join(wrong))


def _mistakes(kind: type[BaseSettings]) -> list[str]:
    """A line for each variable. Values may be secret: none is shown."""
    try:
        kind()
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix") or "")
        lines = [f"{prefix}{each['loc'][0]}".upper() + f": {_said(each)}" for each in error.errors()]
        return list(dict.fromkeys(lines))  # a list has an error for each of its items
    return []


def _said(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        origin = "take one from @BotFather, and " if error["loc"][0] == "bot_token" else ""
        return f"is not set: {origin}export it or write it into .env"
    return error["msg"].removeprefix("Value error, ").removeprefix("Input ")
