"""Migrations: expand now, contract in a later release, so that the version before runs on what the new one made."""

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from botkit.database import POSTGRES_OPTIONS, file_of, prepare_sqlite, reason

KEPT_BACKUPS = 3


class NotMigrated(Exception):
    """The database is as it was, and not as this version needs it."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What a database has, and what this version of a bot knows."""

    revision: str | None
    newest_known: str
    is_newer: bool
    """A later version has migrated it: ours runs on it too, since every migration only expands."""

    @property
    def is_behind(self) -> bool:
        return self.revision != self.newest_known and not self.is_newer


@dataclass(frozen=True, kw_only=True)
class Migrations:
    """Those of one bot, by Alembic."""

    scripts: Path
    """Alembic's folder: `env.py`, which is given a connection as the attribute of that name, and `versions/`."""
    program: str
    """The bot's name, for what is said."""
    lock: int
    """Of PostgreSQL's advisory locks, the one of who migrates."""

    def look(self, url: URL) -> Schema:
        """Changes nothing. Raises sqlalchemy.exc.SQLAlchemyError if the database cannot be reached."""
        with _connected(url) as connection:
            return self._schema(connection)

    def migrate(self, url: URL, say: Callable[[str], object]) -> None:
        """To the newest revision that is known; SQLite is backed up before. All or nothing. Raises NotMigrated.

        Who comes while another process does so waits for it.
        """
        file = file_of(url)
        try:
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
            with _alone(url, self.lock):
                with _connected(url, writes=True) as connection, connection.begin():
                    done = self._migrate(connection, file, say)
                say(done)  # it is committed
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            what = file or url.set(drivername=url.get_backend_name()).render_as_string()
            raise NotMigrated(f"DATABASE_URL: {what} cannot be used: {reason(error)}") from error

    def _migrate(self, connection: Connection, file: Path | None, say: Callable[[str], object]) -> str:
        """What was done."""
        schema = self._schema(connection)
        has = f"the database has revision {schema.revision}"
        if schema.is_newer:
            return f"{has}: newer than this version of {self.program}, which can use it"
        if not schema.is_behind:
            return f"{has}; nothing to migrate"
        if file and schema.revision:
            say(f"backed up to {_back_up(file, schema.revision)}")
        what = f"from revision {schema.revision or 'none'} to {schema.newest_known}"
        self._upgrade(connection, what)
        return f"migrated the database {what}"

    def _upgrade(self, connection: Connection, what: str) -> None:
        config = self._config()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except Exception as error:  # a migration is code like any other
            said = f"{type(error).__name__}: {reason(error)}"
            raise NotMigrated(f"the migration {what} failed, and the database is as it was: {said}") from error

    def _schema(self, connection: Connection) -> Schema:
        revision = MigrationContext.configure(connection).get_current_revision()
        known = ScriptDirectory.from_config(self._config())
        newest = known.get_current_head()
        assert newest
        is_known = revision is None or revision in {script.revision for script in known.walk_revisions()}
        return Schema(revision=revision, newest_known=newest, is_newer=not is_known)

    def _config(self) -> Config:
        config = Config()
        config.set_main_option("script_location", str(self.scripts))
        return config


@contextlib.contextmanager
def _connected(url: URL, *, writes: bool = False) -> Iterator[Connection]:
    """Who only reads changes nothing: not even how SQLite writes."""
    if file_of(url):
        engine = create_engine(url.set(drivername="sqlite"))
        if writes:
            prepare_sqlite(engine)  # a migration that fails half way takes back the tables that it made, too
    else:
        engine = create_engine(url, connect_args=POSTGRES_OPTIONS)
    try:
        with engine.connect().execution_options(writes=writes) as connection:
            yield connection
    finally:
        engine.dispose()


@contextlib.contextmanager
def _alone(url: URL, lock: int) -> Iterator[None]:
    """Two containers that start at once do not both migrate. The lock goes with the process."""
    if file := file_of(url):
        descriptor = os.open(file.with_name(f"{file.name}-migration"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
    else:
        with _connected(url) as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": lock})
            yield


def _back_up(file: Path, revision: str) -> Path:
    """By SQLite's own means, which know what stands in the write-ahead log: a copy of the file would lack it."""
    made = file.with_name(f"{file.name}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{revision}.backup")
    unfinished = file.with_name(f"{file.name}.backup-unfinished")
    try:
        unfinished.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(unfinished)) as to:
            source.backup(to)
        unfinished.rename(made)
    finally:
        unfinished.unlink(missing_ok=True)
    for old in sorted(file.parent.glob(f"{file.name}.*.backup"))[:-KEPT_BACKUPS]:
        old.unlink()
    return made
