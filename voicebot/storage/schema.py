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

from voicebot.storage import file_of

KEPT_BACKUPS = 3
_LOCK = 0x564F4943  # of PostgreSQL's advisory locks, the one of voicebot's migrations
_SCRIPTS = Path(__file__).parent / "migrations"


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
    """Raises sqlalchemy.exc.SQLAlchemyError if the database cannot be reached."""
    with _connected(url) as connection:
        return _schema(connection)


def migrate(url: URL, say: Callable[[str], object]) -> None:
    """To the newest revision that is known; SQLite is backed up before, and nobody else migrates meanwhile."""
    if file := file_of(url):
        file.parent.mkdir(parents=True, exist_ok=True)
    with _alone(url), _connected(url) as connection:
        schema = _schema(connection)
        if not schema.is_behind:
            say(f"the database has revision {schema.revision}; nothing to migrate")
            return
        if file and schema.revision:
            say(f"backed up to {_back_up(file)}")
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()  # Alembic leaves that to whoever began: we did, by looking
        say(f"migrated the database from revision {schema.revision or 'none'} to {schema.newest_known}")


@contextlib.contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    drivers = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
    engine = create_engine(url.set(drivername=drivers[url.get_backend_name()]))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextlib.contextmanager
def _alone(url: URL) -> Iterator[None]:
    """Two containers that start at once do not both migrate. The lock goes with the process."""
    if file := file_of(url):
        descriptor = os.open(file.with_name(f"{file.name}-migration"), os.O_RDWR | os.O_CREAT, 0o660)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
    else:
        with _connected(url) as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            yield


def _back_up(file: Path) -> Path:
    """By SQLite's own means, which know what stands in the write-ahead log: a copy of the file would lack it."""
    made = file.with_name(f"{file.name}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.backup")
    unfinished = made.with_suffix(".unfinished")
    with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(unfinished)) as target:
        source.backup(target)
    unfinished.chmod(0o600)
    unfinished.rename(made)
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
    config.set_main_option("script_location", str(_SCRIPTS))
    return config
