"""Whether the bot could run, as far as it can be told without running it."""

import asyncio
from collections.abc import Iterator

from botkit.findings import Finding, ill, look_at_database, look_at_telegram, well
from voicebot import metrics
from voicebot.settings import Settings, WhisperSettings, processors
from voicebot.storage.schema import MIGRATIONS


def findings(settings: Settings, whisper_settings: WhisperSettings) -> Iterator[Finding]:
    yield _settings(settings)
    yield look_at_database(settings.database_url, MIGRATIONS)
    yield _model(whisper_settings)
    yield asyncio.run(look_at_telegram(settings.bot_token, settings.telegram_api, metrics.telegram))


def _settings(settings: Settings) -> Finding:
    count = len(settings.allowed_users - {settings.owner_id})
    people = f"the owner and {count} more" if settings.allowed_users else "everybody, since ALLOWED_USERS is not set"
    owner = settings.owner_id or "nobody: set OWNER_ID to be told of trouble"
    return well("settings", f"for {people}; the owner is {owner}")


def _model(settings: WhisperSettings) -> Finding:
    from voicebot.whisper import ModelError, Whisper

    try:
        Whisper(settings)
    except (ModelError, OSError) as error:
        return ill("model", str(error))
    threads = f"{settings.worker_count} at once, each on {settings.threads_each} of {processors()} processors"
    return well("model", f"{settings.model} on {settings.device} as {settings.compute_type}; {threads}")
