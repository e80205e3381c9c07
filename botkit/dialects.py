"""What SQLite and PostgreSQL say differently."""

from sqlalchemy import BigInteger, Integer, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""A key: SQLite knows INTEGER only as the number of the row itself, and it has 64 bits there."""


def insert(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """One that can say what is to be done on a conflict."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


async def alone(connection: AsyncConnection, lock: int) -> None:
    """Waits for others who have called this, until their transactions end; sees then all that they did.

    For decisions that depend on rows beside those that they change. `lock` is one of PostgreSQL's advisory locks:
    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(lock)))
