"""The database is locked, or its disk is full: Telegram keeps what is not stored, and all goes on when it is over."""

import asyncio
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import text

from botkit.database import BUSY_SECONDS, Database, parse
from tests.integration.voicebot.house import House, house

SIZE = 4 << 20
SOON = 1
"""Seconds that a writer waits here, in place of BUSY_SECONDS."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Of SIZE."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


def impatient(house: House) -> str:
    return f"sqlite:///{house.database}?timeout={SOON}"


def is_confirmed(house: House) -> bool:
    return not house.telegram.bot.mailbox.pending


def test_while_the_database_is_locked_nothing_is_confirmed(house: House) -> None:
    bot = house.active(DATABASE_URL=impatient(house))
    house.is_heard(house.somebody_sends())
    house.becomes_idle()
    with closing(sqlite3.connect(house.database, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        note = house.somebody_sends()
        house.logs(bot, "not_received")
        assert not is_confirmed(house)
        assert bot.health()[1]["last_poll_age_seconds"] > SOON  # deaf, in a while
        somebody.execute("ROLLBACK")
    house.is_heard(note)
    house.becomes_idle()
    assert is_confirmed(house)


def test_told_to_stop_while_the_database_is_locked_it_ends(house: House) -> None:
    bot = house.active(DRAIN_SECONDS="0", DATABASE_URL=impatient(house))
    with closing(sqlite3.connect(house.database, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        note = house.somebody_sends()
        house.logs(bot, "not_received")
        bot.stop()
        assert bot.ends(within=15) == 0
        somebody.execute("ROLLBACK")
    house.active()
    house.is_heard(note)


def test_while_the_disk_of_the_database_is_full_nothing_is_confirmed(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, house(tmp_path, disk / "voicebot.db") as made:
        bot = made.active()
        early = made.somebody_sends()
        made.is_heard(early)
        made.becomes_idle()
        with full(disk):
            note = made.somebody_sends()
            made.logs(bot, "not_received")
            assert not is_confirmed(made)
            assert bot.process.is_alive()
        made.is_heard(note, within=40)
        made.becomes_idle()


def test_while_the_disk_for_recordings_is_full_they_wait(tmp_path: Path) -> None:
    with small_disk(tmp_path / "scratch") as disk, house(tmp_path) as made:
        bot = made.active()
        with full(disk):
            note = made.somebody_sends()
            made.logs(bot, "not_downloaded")
        made.is_heard(note)
        made.becomes_idle()
        assert made.events("begun")[-1]["attempt"] == 1


async def test_a_transaction_that_is_cancelled_leaves_the_database_free(tmp_path: Path) -> None:
    database = Database(parse(f"sqlite:///{tmp_path}/voicebot.db"))
    async with database.writing() as connection:
        await connection.execute(text("CREATE TABLE notes (number INTEGER)"))

    async def write() -> None:
        while True:
            async with database.writing() as connection:
                (await connection.execute(text("INSERT INTO notes VALUES (1) RETURNING number"))).one()
                (await connection.execute(text("SELECT count(*) FROM notes"))).one()

    cancelled: list[asyncio.Task[None]] = []  # they hold their tracebacks, and those what the database gave
    for turns in range(40):
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(write())
            for _ in range(turns % 8):
                async with database.reading() as connection:
                    await connection.execute(text("SELECT 1"))
            writing.cancel()
        cancelled.append(writing)
        async with asyncio.timeout(BUSY_SECONDS / 2), database.writing() as connection:
            await connection.execute(text("INSERT INTO notes VALUES (2)"))
    await database.close()
