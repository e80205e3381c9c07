"""Migrations, with SQLite and with PostgreSQL: all or nothing, once, backed up, and the version before goes on."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, inspect

from botkit.database import Database, DatabaseUrlError, parse
from botkit.schema import KEPT_BACKUPS, Migrations, NotMigrated
from tests import others
from tests.databases import PostgresDatabases, SqliteDatabases
from tests.others import other
from tests.storing import add, claimed, finish, request
from voicebot.storage import users
from voicebot.storage.schema import MIGRATIONS
from voicebot.storage.tables import metadata

LATER = """\
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9999", "0001"


def upgrade() -> None:
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))
    op.add_column("jobs", sa.Column("later", sa.Text))
    op.add_column("users", sa.Column("later", sa.Text, server_default="x", nullable=False))
    op.create_index("jobs_later", "jobs", ["later"])
    {then}
"""
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
FULL = 'mount -t tmpfs -o size=64k tmpfs "$1" && shift && exec "$@"'


@pytest.fixture
def empty_url(databases: SqliteDatabases | PostgresDatabases) -> Iterator[str]:
    with databases.empty() as url:
        yield url


@pytest.fixture
def database_url(empty_url: str) -> str:
    """Of one that no other test gets: these here change its tables."""
    migrate(empty_url)
    return empty_url


Later = Callable[..., list[str]]


@pytest.fixture
def later(tmp_path: Path) -> Later:
    """Migrates as a later version does, which has one migration more."""

    def migrate_later(url: str, then: str = "pass") -> list[str]:
        folder = tmp_path / "migrations"
        shutil.copytree(MIGRATIONS.scripts, folder, dirs_exist_ok=True)
        (folder / "versions/9999_later.py").write_text(LATER.format(then=then))
        return migrate(url, replace(MIGRATIONS, scripts=folder))

    return migrate_later


def migrate(url: str, migrations: Migrations = MIGRATIONS) -> list[str]:
    said: list[str] = []
    migrations.migrate(parse(url), said.append)
    return said


def with_connection(url: str, act: Callable[[Connection], Any]) -> Any:
    parsed = parse(url)
    engine = create_engine(parsed.set(drivername=parsed.drivername.replace("+aiosqlite", "")))
    try:
        with engine.begin() as connection:
            return act(connection)
    finally:
        engine.dispose()


def tables(connection: Connection) -> dict[str, Any]:
    """Columns, keys and indexes of all tables, with their names."""
    found = inspect(connection)
    return {
        name: {
            "columns": {column["name"]: {**column, "type": str(column["type"])} for column in found.get_columns(name)},
            "key": found.get_pk_constraint(name),
            "unique": found.get_unique_constraints(name),
            "indexes": {index["name"]: _plain(index) for index in found.get_indexes(name)},
        }
        for name in found.get_table_names()
        if name != "alembic_version"
    }


def _plain(index: Mapping[str, Any]) -> dict[str, Any]:
    options = index.get("dialect_options", {})
    return {**index, "dialect_options": {name: str(value) for name, value in options.items()}}


def test_migrations_make_what_the_tables_say_names_included(
    databases: SqliteDatabases | PostgresDatabases, database_url: str
) -> None:
    with databases.empty() as url:
        with_connection(url, metadata.create_all)
        said = with_connection(url, tables)
    made = with_connection(database_url, tables)
    assert made == said
    for name, table in made.items():
        assert table["key"]["name"] in (f"{name}_pkey", None)  # SQLite keeps none for a key that counts by itself


def test_to_migrate_again_is_nothing(empty_url: str) -> None:
    assert migrate(empty_url) == ["migrated the database from revision none to 0001"]
    assert migrate(empty_url) == ["the database has revision 0001; nothing to migrate"]


def test_of_two_processes_that_start_at_once_one_migrates(empty_url: str) -> None:
    with ExitStack() as stack:
        both = [stack.enter_context(other(empty_url)) for _ in range(2)]
        for process in both:
            process.begin(others.migrate)
        said = sorted(line for process in both for line in process.result())
    assert said == [
        "migrated the database from revision none to 0001",
        "the database has revision 0001; nothing to migrate",
    ]


async def test_this_version_runs_on_what_a_later_one_made(database: Database, database_url: str, later: Later) -> None:
    await add(database, request(1))
    assert "migrated the database from revision 0001 to 9999" in later(database_url)
    assert await finish(database, await claimed(database))
    async with database.writing() as connection:
        assert (await users.change(connection, 2, timestamps=True)).timestamps
        assert (await users.get(connection, 1)).last_turn > 0


def test_a_database_of_a_later_version_is_left_as_it_is_and_that_is_said(database_url: str, later: Later) -> None:
    later(database_url)
    before = with_connection(database_url, tables)
    assert migrate(database_url) == [
        "the database has revision 9999: newer than this version of voicebot, which can use it"
    ]
    found = MIGRATIONS.look(parse(database_url))
    assert (found.is_newer, found.is_behind, found.revision) == (True, False, "9999")
    assert with_connection(database_url, tables) == before


def test_a_migration_that_fails_leaves_the_database_as_it_was(database_url: str, later: Later) -> None:
    before = with_connection(database_url, tables)
    for _ in range(2):
        with pytest.raises(NotMigrated) as raised:
            later(database_url, "raise RuntimeError('lost')")
        assert str(raised.value) == (
            "the migration from revision 0001 to 9999 failed, and the database is as it was: RuntimeError: lost"
        )
        assert with_connection(database_url, tables) == before


# SQLite: backups


@pytest.fixture
def sqlite_url(sqlite_databases: SqliteDatabases) -> Iterator[str]:
    with sqlite_databases.migrated() as url:
        yield url


def backups(url: str) -> list[Path]:
    file = Path(url.removeprefix("sqlite:///"))
    return sorted(file.parent.glob(f"{file.name}.*"))


async def test_a_backup_has_all_that_another_process_had_committed_and_can_be_used(
    sqlite_url: str, later: Later
) -> None:
    with other(sqlite_url) as process:
        process.do(others.count_up, 3)
        process.begin(others.count_up, 1000000)  # what it wrote last stands in the write-ahead log only
        later(sqlite_url)
        process.kill()
    (backup,) = backups(sqlite_url)
    assert re.fullmatch(r"voicebot\.db\.\d{8}-\d{6}-0001\.backup", backup.name)
    assert backup.stat().st_mode & 0o777 == 0o600
    restored = f"sqlite:///{backup}"
    assert MIGRATIONS.look(parse(restored)).revision == "0001"
    database = Database(parse(restored))
    async with database.writing() as connection:
        counted = (await users.get(connection, 1)).last_turn
    await database.close()
    assert counted >= 3


def test_the_newest_backups_are_kept(sqlite_url: str, later: Later) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    for year in range(2001, 2006):
        file.with_name(f"{file.name}.{year}0101-000000-0000.backup").touch()
    later(sqlite_url)
    kept = [path.name.split(".")[2][:4] for path in backups(sqlite_url)]
    assert kept[:-1] == ["2004", "2005"]
    assert len(kept) == KEPT_BACKUPS


def test_a_first_migration_has_nothing_to_back_up(sqlite_databases: SqliteDatabases) -> None:
    with sqlite_databases.empty() as url:
        migrate(url)
        assert backups(url) == []


# The command


def run_migrate(url: str, *, inside: str = "", folder: str = "") -> "subprocess.CompletedProcess[str]":
    """`python -m voicebot migrate`, with nothing set but the database; in mounts of its own made by a script."""
    command = [sys.executable, "-m", "voicebot", "migrate"]
    if inside:
        command = ["unshare", "--mount", "sh", "-c", inside, "sh", folder, *command]
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": url}
    return subprocess.run(command, env=environ, capture_output=True, text=True, cwd="/")


def assert_refused(result: "subprocess.CompletedProcess[str]", exit_code: int, said: str) -> None:
    assert (result.returncode, result.stdout) == (exit_code, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_command_needs_no_token_and_makes_the_folder(tmp_path: Path) -> None:
    result = run_migrate(f"sqlite:///{tmp_path}/some/folder/voicebot.db")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "migrated the database from revision none to 0001\n"
    with closing(sqlite3.connect(tmp_path / "some/folder/voicebot.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_server_that_is_not_there_is_said_in_a_line_without_the_password() -> None:
    result = run_migrate("postgresql://bot:very-secret@127.0.0.1:1/voicebot")
    assert_refused(result, 3, "@127.0.0.1:1/voicebot cannot be used: ")
    assert "very-secret" not in result.stderr


@pytest.mark.parametrize("url", ["mysql://bot:very-secret@host/name", "postgresql://bot:very-secret@host:port/name"])
def test_a_url_of_no_database_is_refused_without_the_password(url: str) -> None:
    with pytest.raises(DatabaseUrlError) as raised:
        parse(url)
    assert "very-secret" not in str(raised.value)


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    result = run_migrate(f"sqlite:///{tmp_path}/voicebot.db", inside=FULL, folder=str(tmp_path))
    assert_refused(result, 3, "full")


def test_a_disk_that_cannot_be_written_to_is_said(sqlite_url: str) -> None:
    folder = str(Path(sqlite_url.removeprefix("sqlite:///")).parent)
    result = run_migrate(sqlite_url, inside=READ_ONLY, folder=folder)
    assert_refused(result, 3, "ead-only file system")
