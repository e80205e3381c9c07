"""The database: SQLite for two containers on one server, or PostgreSQL. Both are spoken to in the same words."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, InternalError, OperationalError, TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

Result = TypeVar("Result")
log = structlog.get_logger(__name__)

BUSY_SECONDS = 5
"""How long a writer waits for the one in another process, before it says so and waits again; or the URL's ?timeout=."""
POSTGRES_OPTIONS: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""A server that is gone without a word is noticed within half a minute; the system's defaults take hours."""
UNAVAILABLE = (OperationalError, InterfaceError, InternalError, PoolTimeout)
"""Locked, full, read-only, gone: the same again may succeed."""


class DatabaseUrlError(Exception):
    """DATABASE_URL names no database that we know; the text holds no password."""


def parse(text: str) -> URL:
    """The URL with the driver that we use. Raises DatabaseUrlError."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise DatabaseUrlError("DATABASE_URL: is no URL of a database") from None
    match url.get_backend_name():
        case "sqlite" if url.database and url.database != ":memory:":
            return url.set(drivername="sqlite+aiosqlite", query={"timeout": str(BUSY_SECONDS), **url.query})
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+psycopg")
        case _:
            raise DatabaseUrlError("DATABASE_URL: begins with sqlite:///path/of/a/file or postgresql://")


def file_of(url: URL) -> Path | None:
    """The file of an SQLite database."""
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def reason(error: BaseException) -> str:
    """What a database says of it, in one line, without statements and their parameters."""
    return " ".join(str(getattr(error, "orig", error)).split())


class Database:
    """Transactions. One that writes never fails because somebody else wrote meanwhile: it waits."""

    def __init__(self, url: URL) -> None:
        self.url = url
        is_file = file_of(url) is not None
        self._engine = _sqlite(url) if is_file else _postgres(url)
        self._writer = self._engine.execution_options(writes=True)
        # SQLite's own waiting is by trying again, ever more rarely: within a process a queue is quicker, and fair.
        self._turn = asyncio.Lock() if is_file else nullcontext()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Commits at the end of the block; an error rolls back."""
        async with self._turn, self._writer.begin() as connection:
            yield connection

    async def insist(self, change: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        """What a transaction returns, which is tried until the database takes it: what has happened must be known."""
        while True:
            try:
                async with self.writing() as connection:
                    return await change(connection)
            except UNAVAILABLE as error:
                log.warning("database_failed", error=reason(error))
                await asyncio.sleep(1)

    async def close(self) -> None:
        await self._engine.dispose()


def _postgres(url: URL) -> AsyncEngine:
    return create_async_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=POSTGRES_OPTIONS)


def _sqlite(url: URL) -> AsyncEngine:
    # Parameters, which an error would tell to the log, are what people have said.
    engine = create_async_engine(url, hide_parameters=True)
    prepare_sqlite(engine.sync_engine)
    return engine


def prepare_sqlite(engine: Engine) -> None:
    """Has its connections write ahead, and begin a transaction where SQLAlchemy means it."""

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver begins nothing: `begin` below does
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # Else a power cut may lose what was committed last, and Telegram has forgotten it by then.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Who reads first and writes then is refused at once if somebody wrote in between, however long he would wait.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @event.listens_for(engine, "invalidate")
    def undo(connection: Any, _: object, __: object) -> None:
        # Of a task that was cancelled, whose traceback holds a cursor: closed as it is, SQLite would stay locked.
        with suppress(Exception):
            connection.rollback()
