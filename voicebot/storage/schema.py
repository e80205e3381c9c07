"""The migrations of voicebot's tables."""

from pathlib import Path

from botkit.schema import Migrations
from voicebot.storage import locks

MIGRATIONS = Migrations(scripts=Path(__file__).parent / "migrations", program="voicebot", lock=locks.MIGRATION)
