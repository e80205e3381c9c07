"""Telegram, database or servers are away, or what is set is of no use."""

import sqlite3
from contextlib import closing

import pytest

from tests.integration.opsbot.deploys import HANGS, deploys_up_to, is_let_through
from tests.integration.opsbot.house import House


def test_a_deploy_goes_on_while_telegram_or_the_database_is_away_and_its_end_is_shown_afterwards(ops: House) -> None:
    ops.project.configure(HANGS)
    first, second = ops.project.version("version 1"), ops.project.version("version 2")
    ops.active()

    asked = deploys_up_to(ops, "begin check", first)
    ops.telegram.goes_down()
    is_let_through(ops)
    ops.telegram.comes_back()
    ops.answer(asked, f"release 1 of {first[:7]} serves, after")

    ops.telegram.faults.limit("editMessageText", 1, times=3, chat=ops["admin"].chat)
    asked = deploys_up_to(ops, "begin check", second, "admin")
    with closing(sqlite3.connect(ops.folder / "opsbot.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        is_let_through(ops)
        assert "serves, after" not in ops.answer(asked, "").text
        other.execute("ROLLBACK")
    ops.answer(asked, f"release 2 of {second[:7]} serves, after")


def test_one_that_stood_by_looks_what_the_dead_one_left_and_says_so_while_servers_do_not_answer(ops: House) -> None:
    ops.project.configure(HANGS)
    commit = ops.project.version("version 1")
    bot = ops.active()
    asked = deploys_up_to(ops, "begin check", commit)
    standby = ops.start()
    standby.becomes("standby")
    pinned = ops.project.folder / "config/known_hosts"
    known = pinned.read_text()
    pinned.write_text("")

    bot.kill()

    ops.answer(asked, "Not known yet: ")
    pinned.write_text(known)
    ops.answer(asked, "nothing of it serves")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"OPSBOT_CONFIG": "/nowhere/opsbot.yaml"}, "/nowhere/opsbot.yaml: there is no such file."),
        ({"PROJECT_FOLDER": "/nowhere"}, "/nowhere"),
        ({"BOT_TOKEN": "1:wrong"}, "BOT_TOKEN"),
    ],
)
def test_what_is_of_no_use_is_said_at_the_start(ops: House, environ: dict[str, str], expected: str) -> None:
    bot = ops.start(**environ)

    assert bot.ends() == 2
    assert expected in bot.log
    assert "Traceback" not in bot.log
