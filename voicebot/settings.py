"""All that can be set: by environment variables of these names in capitals, or by a file .env in the working folder."""

import os
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from botkit.settings import FROM_ENVIRONMENT, BotToken, Url, UserIds, refuse_mistakes

_CGROUP_CPU = Path("/sys/fs/cgroup/cpu.max")


class DatabaseSettings(BaseSettings):
    """What a migration needs: no token."""

    model_config = FROM_ENVIRONMENT

    database_url: SecretStr = SecretStr("sqlite:///data/voicebot.db")
    """sqlite:///relative/path, sqlite:////absolute/path or postgresql://user:password@host/name"""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is told: debug, info, warning or error."""
    log_format: Literal["json", "text"] = "json"
    """json: an object a line, for machines; text: for people."""


class WhisperSettings(BaseSettings):
    """How speech is recognised. The defaults suit a server with 2 processors and 4 GB."""

    model_config = SettingsConfigDict(**FROM_ENVIRONMENT, env_prefix="whisper_")

    model: str = "small"
    """A size (tiny, base, small, medium, large-v3, turbo), a name on Hugging Face, or the path of a model's folder."""
    model_folder: Path = Path("data/models")
    """Where a model that has no folder is downloaded to, once."""
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    """cpu, cuda or auto."""
    compute_type: str = "int8"
    """How exactly it computes: int8 is the quickest on processors, float16 on graphics cards."""
    workers: int = Field(default=0, ge=0, le=64)
    """How many files are transcribed at once; 0: two, or one where there is one processor."""
    threads: int = Field(default=0, ge=0, le=256)
    """Processors for each of them; 0: what there are, shared."""
    beam_size: int = Field(default=5, ge=1, le=20)
    """How many wordings it pursues at once: fewer are quicker, and more often wrong."""
    retries: int = Field(default=2, ge=0, le=2)
    """How often a piece that came out improbable or repetitive is tried again, each time as long as the first."""
    piece_seconds: float = Field(default=30.0, ge=1, le=30)
    """The longest piece that is heard in one go, without its silences. Whisper works as long for less than 30 s."""
    vad_threshold: float = Field(default=0.5, gt=0, lt=1)
    """How sure Silero must be that it hears speech."""
    hot_words: str = ""
    """Names and terms that are to be recognised, separated by spaces."""

    @cached_property
    def worker_count(self) -> int:
        return self.workers or min(2, processors())

    @cached_property
    def threads_each(self) -> int:
        return self.threads or max(1, processors() // self.worker_count)


class Settings(DatabaseSettings):
    """Everything else."""

    bot_token: BotToken
    """From @BotFather: exported, or as a line BOT_TOKEN=… of .env."""
    telegram_api: Url = "https://api.telegram.org"
    """Another Bot API server: https://github.com/tdlib/telegram-bot-api"""
    shipper_lease: str = ""
    """Where shipper gives a lease; else it stands beside the file of SQLite. In PostgreSQL there is always one."""
    shipper_release: str = ""
    """Of which release it is: shipper sets it, metrics tell it."""
    shipper_version: str = ""
    """Of which commit it is: likewise."""
    owner_id: int | None = None
    """The number of whoever is told of trouble, and may see and retry what failed. /stats tells you yours."""
    allowed_users: UserIds = frozenset()
    """Numbers of those who may use the bot, beside the owner; empty: everybody. A stranger is told theirs."""
    max_minutes: float = Field(default=240, gt=0)
    """Longest audio."""
    max_megabytes: float = Field(default=20, gt=0)
    """Largest file; Telegram's own servers give bots no more than 20: https://core.telegram.org/bots/api#getfile"""
    max_queued: int = Field(default=1000, ge=1)
    """Files that wait, of all users."""
    max_queued_per_user: int = Field(default=20, ge=1)
    """Files of one user that wait or are being heard."""
    max_minutes_per_day: float = Field(default=600, gt=0)
    """Audio of one user in 24 hours."""
    keep_days: float = Field(default=30, ge=0)
    """How long transcripts are kept, for the same audio sent again, and what statistics count."""
    drain_seconds: float = Field(default=20, ge=0)
    """How long a bot that was told to stop goes on with what it has begun: less than its container's stop timeout."""
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Where Prometheus asks, on path /metrics; 0: nowhere."""


def load() -> tuple[Settings, WhisperSettings]:
    """Raises SettingsError, with all that is wrong with either."""
    refuse_mistakes(Settings, WhisperSettings)
    return Settings(), WhisperSettings()


def processors() -> int:
    """How many this process may use. The limit of its container counts: the kernel's number does not tell it."""
    available = len(os.sched_getaffinity(0))
    try:
        quota, period = _CGROUP_CPU.read_text().split()
    except (OSError, ValueError):
        return available
    return available if quota == "max" else max(1, min(available, round(int(quota) / int(period))))
