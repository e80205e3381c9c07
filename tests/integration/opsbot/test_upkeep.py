"""What the real opsbot does by itself, and says of itself."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from botkit.database import Database, parse
from opsbot.command import Command
from opsbot.storage import decisions, messages, requests
from opsbot.storage.decisions import Decision
from opsbot.storage.messages import Place, View
from opsbot.storage.requests import Phase
from opsbot.storage.schema import MIGRATIONS
from opsbot.verbs import Verb
from tests.integration.opsbot.house import House
from tests.integration.waiting import eventually

LONG_AGO = time.time() - 91 * 86400
TABLES = {"messages": "created_at", "requests": "created_at", "decisions": "at", "pressed": "at"}


def test_what_is_old_is_forgotten_and_what_nobody_confirms_in_time_is_over(ops: House) -> None:
    file = ops.folder / "opsbot.db"
    asyncio.run(have_something_old(f"sqlite:///{file}"))
    assert all(count_old(file, table) for table in TABLES)
    commit = ops.project.version("version 1")
    ops.configure(production="confirm_within: 1s")
    ops.active()

    asked = ops["deployer"].sends_text(f"/deploy production {commit[:7]}")
    answer = ops.answer(asked, "nobody confirmed it in time. Nothing was done.")

    assert answer.labels == ["Plan it again"]
    assert not any(count_old(file, table) for table in TABLES)


def test_one_that_cannot_poll_says_that_it_is_not_well(ops: House) -> None:
    ops.telegram.goes_down()
    bot = ops.start()
    eventually(lambda: "telegram_not_reached" in bot.log, "a poll that fails", within=20)
    assert bot.health() == (503, {"state": "starting"})

    ops.telegram.comes_back()
    bot.becomes("active")
    assert bot.health()[0] == 200


async def have_something_old(url: str) -> None:
    await asyncio.to_thread(MIGRATIONS.migrate, parse(url), print)
    database = Database(parse(url))
    told = Decision(
        at=LONG_AGO, person_id=7, person_name="ann", environment="production", decision="confirmed", what="deploy"
    )
    async with database.writing() as connection:
        message = await messages.add(connection, Place(chat_id=-5), View(text="old"), LONG_AGO)
        await requests.add(
            connection,
            Command(verb=Verb.STATUS, environment="production"),
            person_id=7,
            person_name="ann",
            phase=Phase.OVER,
            message=message,
            now=LONG_AGO,
        )
        await decisions.note(connection, told)
        await decisions.press(connection, -5, "a button", 7, LONG_AGO)
    await database.close()


def count_old(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (found,) = connection.execute(f"SELECT count(*) FROM {table} WHERE {TABLES[table]} <= {LONG_AGO}").fetchone()
        return int(found)
