"""The migrations of opsbot's database."""

from pathlib import Path

from botkit.schema import Migrations

MIGRATIONS = Migrations(scripts=Path(__file__).parent / "migrations", program="opsbot", lock=0)
