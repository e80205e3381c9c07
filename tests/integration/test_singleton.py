"""Handovers between real processes of the sample, which poll a server that sees every mistake."""

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fakes.updates import UpdateServer
from tests.integration.waiting import eventually
from tests.singletons import Singleton, free_port, singleton

HANDOVERS = 20
PROTOCOL = Path(__file__).parents[2] / "docs/handover.md"


def test_twenty_handovers_in_a_steady_stream_miss_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    with UpdateServer(every=0.005) as server, ExitStack() as running:
        old = running.enter_context(singleton(tmp_path, server.url, "bot-0"))
        old.becomes("active")
        for number in range(1, HANDOVERS + 1):
            new = running.enter_context(singleton(tmp_path, server.url, f"bot-{number}"))
            new.becomes("standby")
            old.process.terminate()
            new.becomes("active")
            assert old.ends() == (0, "standby\nactive\ndraining\nended\n", "")
            old = new
        old.process.terminate()
        old.ends()
    updates = server.updates
    print(f"{updates.confirmed} updates; gaps in ms:", *sorted(round(gap * 1000) for gap in updates.gaps()))
    assert len(updates.gaps()) == HANDOVERS
    assert updates.overlaps == []
    assert updates.missed() == []
    assert updates.doubled() == []
    assert sum(updates.done.values()) == updates.confirmed > 100


def test_a_long_poll_that_hears_nothing_does_not_delay_the_handover(tmp_path: Path) -> None:
    with UpdateServer(every=None) as server, singleton(tmp_path, server.url, "old") as old:
        eventually(lambda: bool(server.updates.polls), "the first poll")
        with singleton(tmp_path, server.url, "new") as new:
            new.becomes("standby")
            old.process.terminate()
            eventually(lambda: server.updates.polls[-1].name == "new", "a poll of the new one")
            assert old.ends()[0] == 0
    (gap,) = server.updates.gaps()
    assert gap < 0.5
    assert server.updates.never_two_polled


def test_the_next_one_is_active_while_the_old_one_finishes_its_work(tmp_path: Path) -> None:
    with (
        UpdateServer(every=0.005) as server,
        singleton(tmp_path, server.url, "old", "slow-drain") as old,
    ):
        old.becomes("active")
        with singleton(tmp_path, server.url, "new") as new:
            new.becomes("standby")
            old.process.terminate()
            new.becomes("active")
            assert old.says("draining")
            assert old.ends()[0] == 0
            new.process.terminate()
            new.ends()
    assert server.updates.missed() == server.updates.doubled() == []


def test_told_to_stop_in_standby_it_ends_well_and_has_never_polled(tmp_path: Path) -> None:
    with UpdateServer(every=0.005) as server, singleton(tmp_path, server.url, "old") as old:
        old.becomes("active")
        with singleton(tmp_path, server.url, "new") as new:
            new.becomes("standby")
            new.process.terminate()
            assert new.ends() == (0, "standby\nended\n", "")
        assert old.says("active")
    assert {poll.name for poll in server.updates.polls} == {"old"}


@pytest.mark.parametrize(("mode", "exit_code"), [("well", -signal.SIGKILL), ("crashes-when-active", 5)])
def test_who_dies_leaves_the_lease_to_the_next_one(tmp_path: Path, mode: str, exit_code: int) -> None:
    with UpdateServer(every=0.005) as server, singleton(tmp_path, server.url, "old") as old:
        old.becomes("active")
        with (
            singleton(tmp_path, server.url, "dies", mode) as dies,
            singleton(tmp_path, server.url, "next", "deaf-to-lease") as deaf,
        ):
            dies.becomes("standby")
            deaf.becomes("standby")
            old.process.terminate()
            old.ends()
            if mode == "well":
                dies.becomes("active")
                dies.process.kill()
            assert dies.ends()[0] == exit_code
            with singleton(tmp_path, server.url, "last") as last:
                last.becomes("active")
            assert deaf.says("standby")
    assert server.updates.never_two_polled


def test_a_client_that_hangs_on_its_health_endpoint_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    with UpdateServer(every=None) as server, singleton(tmp_path, server.url, "old") as old:
        old.becomes("active")
        with socket.create_connection(("127.0.0.1", old.port)) as slow:
            slow.send(b"GET /health HTTP/1.1\r\n")
            assert old.says("active")
            old.process.terminate()
            begun = time.monotonic()
            assert old.ends() == (0, "standby\nactive\ndraining\nended\n", "")
            assert time.monotonic() - begun < 2


def test_the_shell_script_of_the_protocol_page_takes_part_in_handovers(tmp_path: Path) -> None:
    (script,) = re.findall("```sh\n(.*?)```", PROTOCOL.read_text(), re.DOTALL)
    work = {"poll_once": "touch polled", "finish": "until [ -e may_end ]; do sleep 0.01; done"}
    for name, line in {"bot": script, **work}.items():
        (tmp_path / name).write_text(line if name == "bot" else f"#!/bin/sh\ncd {tmp_path} && {line}\n")
        (tmp_path / name).chmod(0o755)
    lease = tmp_path / "lease"
    lease.mkdir()
    port = free_port()
    environ = {"SHIPPER_LEASE": str(lease), "SHIPPER_HEALTH_PORT": str(port), "TMPDIR": str(tmp_path)}
    environ["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    with UpdateServer(every=0.005) as server, singleton(lease, server.url, "python") as python:
        python.becomes("active")
        process = subprocess.Popen([tmp_path / "bot"], env=environ, text=True, start_new_session=True)
        try:
            shell = Singleton(process=process, port=port)
            shell.becomes("standby")
            python.process.terminate()
            shell.becomes("active")
            assert python.ends()[0] == 0
            eventually((tmp_path / "polled").exists, "a poll of the script")
            with singleton(lease, server.url, "python again") as again:
                again.becomes("standby")
                shell.process.terminate()
                again.becomes("active")
                shell.becomes("draining")
            (tmp_path / "may_end").touch()
            assert shell.process.wait(timeout=10) == 0
        finally:
            os.killpg(process.pid, signal.SIGKILL)
