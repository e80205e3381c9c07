"""Who is alive, told by real processes that are killed, frozen and cut off: with SQLite and with PostgreSQL."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from botkit import presence
from botkit.database import parse
from botkit.presence import PresenceLost
from tests import others
from tests.databases import PostgresDatabases
from tests.fakes.telegram import Telegram
from tests.integration.waiting import eventually
from tests.others import Other, other
from tests.voicebots import voicebot
from voicebot.storage import locks

on_postgres = pytest.mark.parametrize("databases", ["postgres"], indirect=True)


@pytest.fixture
def start(database_url: str) -> Iterator[Callable[[], Other]]:
    """Starts another process of the bot."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(other(database_url))


def test_a_process_is_alive_until_it_is_killed_and_dead_at_once_then(start: Callable[[], Other]) -> None:
    one, two = start(), start()
    of_one, of_two = one.do(others.appear), two.do(others.appear)
    assert of_one != of_two
    assert [two.do(others.sees, owner) for owner in (of_one, of_two, 1 << 50)] == [True, True, False]
    one.kill()
    eventually(lambda: not two.do(others.sees, of_one), "the death of a process that was killed")
    assert two.do(others.sees, of_two)


def test_to_be_looked_for_does_not_make_a_process_die_or_live(start: Callable[[], Other]) -> None:
    one, two, three = start(), start(), start()
    of_one = one.do(others.appear)
    for process in (two, three, two):
        assert process.do(others.sees, of_one)
    one.kill()
    eventually(lambda: not two.do(others.sees, of_one), "the death of a process that was killed")
    assert not three.do(others.sees, of_one)


def test_a_process_that_only_hangs_is_alive_and_keeps_the_lease(start: Callable[[], Other]) -> None:
    one, two = start(), start()
    of_one = one.do(others.appear)
    assert one.do(others.wait_for_lease)
    one.freeze()
    assert two.do(others.sees, of_one)
    assert not two.do(others.try_lease)


def test_the_lease_is_one_processs_until_it_gives_it_back_and_can_take_it_again(start: Callable[[], Other]) -> None:
    one, two = start(), start()
    one.do(others.wait_for_lease)
    assert one.do(others.try_lease)
    two.begin(others.wait_for_lease)
    released = one.do(others.release_lease)
    assert two.result() > released
    assert not one.do(others.try_lease)
    two.do(others.release_lease)
    one.do(others.wait_for_lease)


def test_the_lease_of_a_process_that_is_killed_is_free(start: Callable[[], Other]) -> None:
    one, two = start(), start()
    one.do(others.wait_for_lease)
    assert not two.do(others.try_lease)
    two.begin(others.wait_for_lease)
    one.kill()
    two.result()


def test_a_process_stays_alive_while_its_connections_to_the_database_come_and_go(start: Callable[[], Other]) -> None:
    """To close any descriptor of a file gives up POSIX's locks on it: SQLite never opens this one."""
    one, two = start(), start()
    of_one = one.do(others.appear)
    one.do(others.wait_for_lease)
    one.do(others.work_with_database)
    assert two.do(others.sees, of_one)
    assert not two.do(others.try_lease)


def test_a_child_that_outlives_the_process_does_not_make_it_seem_alive(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/voicebot.db"
    script = (
        "import os, sys, time; from botkit import database, presence\n"
        f"present = presence.of(database.parse({url!r}), 1); assert present.lease.try_acquire()\n"
        "if os.fork(): print(present.owner, flush=True); os._exit(0)\n"
        "os.close(1); sys.stdin.read()"
    )
    arguments = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", script], **arguments) as process:  # type: ignore[call-overload]
        owner = int(process.stdout.readline())
        process.wait()
        with closing(presence.of(parse(url), locks.LEASE)) as present:
            assert not present.is_alive(owner)
            assert present.lease.try_acquire()


LEASE = f"objid = {locks.LEASE & 0xFFFFFFFF}"
LOCKS = {"lease": f"{LEASE} AND granted", "wait": f"{LEASE} AND NOT granted", "presence": f"classid < {1 << 30}"}


def cut_off(url: str, kind: str) -> None:
    """Ends the sessions that hold or await such locks, as a broken network does."""
    found = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND {LOCKS[kind]}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM ({found}) AS found")


@on_postgres
def test_who_has_lost_the_session_of_its_presence_notices(start: Callable[[], Other], database_url: str) -> None:
    one = start()
    one.do(others.appear)
    one.do(others.verify)
    cut_off(database_url, "presence")
    with pytest.raises(PresenceLost, match="that says that we live is gone"):
        one.do(others.verify)


@on_postgres
def test_who_has_lost_the_session_of_the_lease_it_holds_notices(start: Callable[[], Other], database_url: str) -> None:
    one = start()
    one.do(others.wait_for_lease)
    cut_off(database_url, "lease")
    with pytest.raises(PresenceLost):
        one.do(others.verify)


@on_postgres
def test_who_has_lost_the_session_that_waits_for_the_lease_notices(
    start: Callable[[], Other], database_url: str
) -> None:
    one, two = start(), start()
    one.do(others.wait_for_lease)
    assert not two.do(others.try_lease)
    cut_off(database_url, "wait")
    with pytest.raises(PresenceLost, match="that waits for the lease is gone"):
        two.do(others.wait_for_lease)


@on_postgres
def test_all_notice_that_the_server_was_restarted(
    start: Callable[[], Other], postgres_databases: PostgresDatabases
) -> None:
    one, two = start(), start()
    one.do(others.wait_for_lease)
    two.do(others.appear)
    assert not two.do(others.try_lease)
    postgres_databases.restart()
    for process, notices in ((one, others.verify), (two, others.verify), (two, others.try_lease)):
        with pytest.raises(PresenceLost):
            process.do(notices)


@on_postgres
def test_a_bot_that_has_lost_its_presence_ends_in_an_orderly_way(
    telegram: Telegram, database_url: str, tmp_path: Path
) -> None:
    with voicebot(telegram, database_url, tmp_path) as bot:
        bot.becomes("active")
        cut_off(database_url, "presence")
        assert bot.ends() == 3
    assert bot.logged[-1]["reason"].startswith("the session in PostgreSQL that says that we live is gone: ")
    assert "Traceback" not in bot.log


def test_a_server_that_is_not_there_is_said_without_the_password() -> None:
    with pytest.raises(PresenceLost, match="refused") as raised:
        presence.of(parse("postgresql://bot:very-secret@127.0.0.1:1/voicebot"), locks.LEASE)
    assert "very-secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_lock_file_is_not_inherited_by_programs_that_are_started(tmp_path: Path) -> None:
    with closing(presence.FilePresence(str(tmp_path / "owners"))) as present:
        assert not os.get_inheritable(present._descriptor)
