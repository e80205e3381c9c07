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

from voicebot.storage import BUSY_SECONDS, POSTGRES_OPTIONS, file_of, prepare_sqlite, reason
from voicebot.storage.dialects import MIGRATION_LOCK

KEPT_BACKUPS = 3
SCRIPTS = Path(__file__).parent / "migrations"


class NotMigrated(Exception):
    """The database is as it was, and not as this version needs it."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What a database has, and what this version of voicebot knows."""

    revision: str | None
    newest_known: str

    @property
    def is_newer(self) -> bool:
        """A later version has migrated it: ours runs on it too, since every migration only expands."""
        return self.revision is not None and self.revision not in _known()

    @property
    def is_behind(self) -> bool:
        return self.revision != self.newest_known and not self.is_newer


def look(url: URL) -> Schema:
    """Changes nothing. Raises sqlalchemy.exc.SQLAlchemyError if the database cannot be reached."""
    with _connected(url) as connection:
        return _schema(connection)


def migrate(url: URL, say: Callable[[str], object]) -> None:
    """To the newest revision that is known; SQLite is backed up before. All or nothing. Raises NotMigrated.

    Who comes while another process does so waits for it.
    """
    file = file_of(url)
    try:
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
        with _alone(url):
            with _connected(url, writes=True) as connection, connection.begin():
                done = _migrate(connection, file, say)
            say(done)  # it is committed
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        what = file or url.set(drivername=url.get_backend_name()).render_as_string()
        raise NotMigrated(f"DATABASE_URL: {what} cannot be used: {reason(error)}") from error


def _migrate(connection: Connection, file: Path | None, say: Callable[[str], object]) -> str:
    """What was done."""
    schema = _schema(connection)
    if schema.is_newer:
        return f"the database has revision {schema.revision}: newer than this version of voicebot, which can use it"
    if not schema.is_behind:
        return f"the database has revision {schema.revision}; nothing to migrate"
    if file and schema.revision:
        say(f"backed up to {_back_up(file, schema.revision)}")
    what = f"from revision {schema.revision or 'none'} to {schema.newest_known}"
    _upgrade(connection, what)
    return f"migrated the database {what}"


def _upgrade(connection: Connection, what: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except Exception as error:  # a migration is code like any other
        said = f"{type(error).__name__}: {reason(error)}"
        raise NotMigrated(f"the migration {what} failed, and the database is as it was: {said}") from error


@contextlib.contextmanager
def _connected(url: URL, *, writes: bool = False) -> Iterator[Connection]:
    """Who only reads changes nothing: not even how SQLite writes."""
    if file_of(url):
        engine = create_engine(url.set(drivername="sqlite"), connect_args={"timeout": BUSY_SECONDS})
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
def _alone(url: URL) -> Iterator[None]:
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
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
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


def _schema(connection: Connection) -> Schema:
    revision = MigrationContext.configure(connection).get_current_revision()
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest
    return Schema(revision=revision, newest_known=newest)


def _known() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config
