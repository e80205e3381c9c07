"""All that can be set: by environment variables of these names in capitals, or by a file .env in the working folder.

Who may what, and where, is in the file that OPSBOT_CONFIG names.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from botkit.settings import FROM_ENVIRONMENT, BotToken, Url


def _of_sqlite(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith("sqlite:///"):
        raise ValueError("should be sqlite:///relative/path or sqlite:////absolute/path")
    return value


class DatabaseSettings(BaseSettings):
    """What a migration needs: no token."""

    model_config = FROM_ENVIRONMENT

    database_url: Annotated[SecretStr, AfterValidator(_of_sqlite)] = SecretStr("sqlite:///data/opsbot.db")
    """sqlite:///relative/path or sqlite:////absolute/path; what is true about deploys is on the servers, not there."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is told: debug, info, warning or error."""
    log_format: Literal["json", "text"] = "json"
    """json: an object a line, for machines; text: for people."""


class ConfigSettings(BaseSettings):
    """What it takes to look at the config."""

    model_config = FROM_ENVIRONMENT

    opsbot_config: Path = Path("config/opsbot.yaml")
    """Who may what, and where."""


class Settings(DatabaseSettings, ConfigSettings):
    """Everything else."""

    bot_token: BotToken
    """From @BotFather: exported, or as a line BOT_TOKEN=… of .env."""
    telegram_api: Url = "https://api.telegram.org"
    """Another Bot API server: https://github.com/tdlib/telegram-bot-api"""
    project_folder: Path = Path()
    """Where config/deploy.yaml is: the one whose service is deployed."""
    ssh_key_file: Path | None = None
    """A file that holds the private key for the servers: what `ssh.key_env` of deploy.yaml names is its content."""
    github_token: SecretStr | None = None
    """What GitHub is asked with, if the config has `github`: it may read contents, checks and commit statuses."""
    shipper_lease: str = ""
    """Where shipper gives a lease; else it stands beside the file of the database."""
    shipper_release: str = ""
    """Of which release it is: shipper sets it, metrics tell it."""
    shipper_version: str = ""
    """Of which commit it is: likewise."""
    drain_seconds: float = Field(default=20, ge=0)
    """How long a bot that was told to stop goes on with what it has begun: less than its container's stop timeout."""
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Where Prometheus asks, on path /metrics; 0: nowhere."""
