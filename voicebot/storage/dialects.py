"""What SQLite and PostgreSQL say differently."""

from sqlalchemy import Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

MIGRATION_LOCK = 0x564F4943
JOBS_LOCK = 0x564F4944
OUTBOX_LOCK = 0x564F4945
"""Of PostgreSQL's advisory locks. Processes hold others while they live: see voicebot.presence."""


def insert(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """One that can say what is to be done on a conflict."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


async def alone(connection: AsyncConnection, lock: int) -> None:
    """Waits for others who have called this, until their transactions end; sees then all that they did.

    For decisions that depend on rows beside those that they change. SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(lock)))
