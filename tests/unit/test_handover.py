import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper.handover import FileLease, Handover, LeaseError
from tests.integration.waiting import eventually
from tests.singletons import free_port, health

FOREVER = 3600.0
SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.fixture(autouse=True)
def lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileLease:
    """The lease as another process would have it."""
    monkeypatch.setenv("SHIPPER_LEASE", str(tmp_path))
    return FileLease(str(tmp_path))


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    found = free_port()
    monkeypatch.setenv("SHIPPER_HEALTH_PORT", str(found))
    return found


async def ask(port: int) -> tuple[int, dict[str, Any]]:
    return await asyncio.to_thread(health, port)


async def test_it_says_what_it_does_from_beginning_to_end(port: int, lease: FileLease) -> None:
    assert lease.try_acquire()

    async def let_it_become_active() -> None:
        assert await ask(port) == (200, {"state": "standby"})
        lease.release()

    async with Handover() as handover, asyncio.TaskGroup() as group:
        assert await ask(port) == (503, {"state": "starting"})
        group.create_task(let_it_become_active())
        async with handover.active():
            status, said = await ask(port)
            assert said.pop("last_poll_age_seconds") < 1
            assert (status, said) == (200, {"state": "active"})
        assert await ask(port) == (200, {"state": "draining"})
    with pytest.raises(OSError, match="refused"):
        await ask(port)


async def test_an_active_one_that_was_deaf_for_too_long_is_unhealthy_until_it_polls() -> None:
    async with Handover(deaf_after=0.2) as handover, handover.active():
        assert handover.health()[0] == 200
        eventually(lambda: handover.health()[0] == 503, "that it is deaf")
        assert handover.health()[1]["state"] == "active"
        handover.polled()
        assert handover.health()[0] == 200


async def test_where_no_second_one_can_run_it_is_active_at_once(
    monkeypatch: pytest.MonkeyPatch, lease: FileLease
) -> None:
    assert lease.try_acquire()
    monkeypatch.delenv("SHIPPER_LEASE")
    async with Handover() as handover, handover.active():
        assert handover.state == "active"


def test_a_lease_that_cannot_be_opened_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIPPER_LEASE", "/run/nowhere")
    with pytest.raises(LeaseError) as caught:
        Handover()
    assert str(caught.value) == (
        "SHIPPER_LEASE=/run/nowhere cannot be opened: No such file or directory. Without it two could be at work, so "
        "this one has not begun. Mount the volume of the lease there, readable by the user of the app; or unset "
        "SHIPPER_LEASE, where no second one can run."
    )


async def heard() -> None:
    """Until the event loop has dealt with a signal that was raised."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("number", SIGNALS)
async def test_told_to_stop_while_it_starts_it_goes_no_further(number: signal.Signals) -> None:
    begun = ended = False
    async with Handover() as handover:
        begun = True
        signal.raise_signal(number)
        await asyncio.sleep(FOREVER)
        ended = True
    assert (begun, ended, handover.state) == (True, False, "starting")


@pytest.mark.parametrize("number", SIGNALS)
async def test_told_to_stop_in_standby_it_never_becomes_active_though_the_lease_comes_free(
    number: signal.Signals, lease: FileLease
) -> None:
    def stop() -> None:
        signal.raise_signal(number)
        lease.release()

    assert lease.try_acquire()
    was_active = False
    async with Handover() as handover:
        asyncio.get_running_loop().call_soon(stop)
        async with handover.active():
            was_active = True
    assert (was_active, handover.state) == (False, "standby")
    assert lease.try_acquire()


async def test_it_does_not_take_a_lease_that_comes_free_between_the_signal_and_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class FreeAfterTheSignal:
        def try_acquire(self) -> bool:
            return handover.stop_requested

        def release(self) -> None:
            """Nobody else wants it."""

    monkeypatch.setattr("shipper.handover.LEASE_INTERVAL", 0)  # so that it tries in each round of the event loop
    async with Handover(lease=FreeAfterTheSignal()) as handover:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
        async with handover.active():
            pass
    assert handover.state == "standby"


@pytest.mark.parametrize("number", SIGNALS)
async def test_told_to_stop_when_active_it_cancels_the_poll_and_keeps_the_lease_to_the_end_of_the_block(
    number: signal.Signals, lease: FileLease
) -> None:
    async with Handover() as handover:
        async with handover.active():
            asyncio.get_running_loop().call_soon(signal.raise_signal, number)
            assert await handover.until_stop(asyncio.sleep(FOREVER, "polled")) is None
            assert handover.stop_requested
            assert (handover.state, lease.try_acquire()) == ("active", False)
            await heard()  # the last confirm may take its time: nothing but the poll is cancelled
        assert (handover.state, lease.try_acquire()) == ("draining", True)


async def test_a_second_signal_changes_nothing(lease: FileLease) -> None:
    async with Handover() as handover:
        async with handover.active():
            signal.raise_signal(signal.SIGTERM)
            assert await handover.until_stop(asyncio.sleep(FOREVER, "polled")) is None
            signal.raise_signal(signal.SIGTERM)
            await heard()
            assert handover.state == "active"
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        await heard()
        assert handover.state == "draining"
        finished = True
    assert finished


async def test_a_second_signal_does_not_interrupt_what_is_tidied_up_after_the_first(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tidy = False
    async with Handover():
        try:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(FOREVER)
        finally:
            signal.raise_signal(signal.SIGTERM)
            await heard()
            tidy = True
    assert tidy
    assert caplog.messages == []


async def test_a_poll_is_not_begun_any_more_after_the_signal() -> None:
    begun = False

    async def poll() -> None:
        nonlocal begun
        begun = True

    async with Handover() as handover, handover.active():
        signal.raise_signal(signal.SIGTERM)
        await heard()
        await handover.until_stop(poll())
    assert not begun


async def test_what_a_poll_gives_and_raises_comes_through() -> None:
    async def fail() -> None:
        raise TimeoutError("the server is slow")

    async with Handover() as handover, handover.active():
        assert await handover.until_stop(asyncio.sleep(0, "polled")) == "polled"
        with pytest.raises(TimeoutError, match="the server is slow"):
            await handover.until_stop(fail())


async def test_an_error_of_the_app_gives_the_lease_back_and_is_heard(lease: FileLease) -> None:
    with pytest.raises(RuntimeError, match="the token was revoked"):
        async with Handover() as handover, handover.active():
            raise RuntimeError("the token was revoked")
    assert lease.try_acquire()


async def test_who_gave_way_is_active_again_when_it_is_asked_to_take_the_work_back_and_the_lease_is_free(
    lease: FileLease,
) -> None:
    is_active = asyncio.Event()

    async def gives_way() -> None:
        await is_active.wait()
        is_active.clear()
        handover.give_way()
        await acquired(lease)
        await heard()
        assert handover.health() == (200, {"state": "draining"})

    async def deploy() -> None:
        await gives_way()
        handover.take_back()
        await heard()
        assert handover.state == "standby"
        lease.release()
        await gives_way()
        handover.leave()

    turns = 0
    async with asyncio.timeout(10), Handover() as handover, asyncio.TaskGroup() as group:
        group.create_task(deploy())
        while await handover.wanted():
            async with handover.active():
                turns += 1
                is_active.set()
                assert await handover.until_stop(asyncio.sleep(FOREVER, "polled")) is None
    assert (turns, handover.state) == (2, "draining")


async def acquired(lease: FileLease) -> None:
    while not lease.try_acquire():  # noqa: ASYNC110 — the kernel tells nobody
        await asyncio.sleep(0)


@pytest.mark.parametrize("number", SIGNALS)
async def test_who_gave_way_and_is_told_to_stop_finishes_what_it_holds_and_ends(number: signal.Signals) -> None:
    async with asyncio.timeout(10), Handover() as handover:
        async with handover.active():
            handover.give_way()
            assert await handover.until_stop(asyncio.sleep(FOREVER, "polled")) is None
        asyncio.get_running_loop().call_soon(signal.raise_signal, number)
        assert not await handover.wanted()
        handover.take_back()  # too late
        assert not await handover.wanted()
        finished = True
    assert (finished, handover.state) == (True, "draining")


async def test_who_gives_way_while_it_waits_to_take_the_work_back_goes_on_waiting(lease: FileLease) -> None:
    async def deploy() -> None:
        handover.give_way()
        await acquired(lease)
        handover.take_back()
        await heard()
        handover.give_way()  # for another deploy, before it was active
        lease.release()
        await heard()
        assert (handover.state, lease.try_acquire()) == ("standby", True)
        lease.release()
        handover.take_back()

    turns = 0
    async with asyncio.timeout(10), Handover() as handover, asyncio.TaskGroup() as group:
        while turns < 2 and await handover.wanted():
            async with handover.active():
                turns += 1
                if turns == 1:
                    group.create_task(deploy())
                    await handover.until_stop(asyncio.sleep(FOREVER))
    assert turns == 2


async def test_who_was_told_to_stop_is_not_active_again() -> None:
    active = 0
    async with asyncio.timeout(10), Handover() as handover:
        for _ in range(2):
            async with handover.active():
                active += 1
                signal.raise_signal(signal.SIGTERM)
                await heard()
    assert active == 1


async def test_who_is_told_to_stop_while_it_waits_to_take_the_work_back_ends(lease: FileLease) -> None:
    active = 0
    async with Handover() as handover:
        for _ in range(2):
            async with handover.active():
                active += 1
            assert lease.try_acquire()
            asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
    assert (active, handover.state) == (1, "standby")


async def test_broken_health_clients_do_not_disturb_the_next_one(port: int, caplog: pytest.LogCaptureFixture) -> None:
    def connect(said: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(said)
        return client

    async with Handover():
        connect().close()
        connect(b"\x16\x03\x01 nonsense\r\n").close()
        connect(b"GET /" + 100_000 * b"x").close()
        reset = connect(b"GET /health HTTP/1.1\r\n\r\n")
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.close()
        with connect(b"GET /health HTTP/1.1\r\n"):
            assert await ask(port) == (503, {"state": "starting"})
    assert caplog.messages == []


HOLDER = """
import os, subprocess, sys
from shipper.handover import FileLease
lease = FileLease(sys.argv[1])
assert lease.try_acquire()
{action}
print(child, flush=True)
sys.stdin.read()
"""
FORKS_AND_RELEASES = """
child = os.fork()
if not child:
    sys.stdin.read()
    os._exit(0)
lease.release()
"""
EXECUTES = """
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], close_fds=False).pid
"""


@pytest.fixture
def holder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A process that has acquired the lease, and a child of it; both end with their standard input."""
    program = HOLDER.format(action=request.param)
    arguments = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def child_of(holder: subprocess.Popen[str]) -> int:
    assert holder.stdout
    return int(holder.stdout.readline())


@pytest.mark.parametrize("holder", ["child = 0"], indirect=True)
def test_the_lease_is_held_by_one_process_and_freed_by_its_death(
    holder: subprocess.Popen[str], lease: FileLease
) -> None:
    child_of(holder)
    assert not lease.try_acquire()
    holder.kill()
    eventually(lease.try_acquire, "the lease of a process that was killed")


@pytest.mark.parametrize("holder", [FORKS_AND_RELEASES], indirect=True)
def test_a_released_lease_is_free_though_a_forked_child_has_its_descriptor(
    holder: subprocess.Popen[str], lease: FileLease, tmp_path: Path
) -> None:
    descriptors = Path(f"/proc/{child_of(holder)}/fd").iterdir()
    assert tmp_path in [descriptor.readlink() for descriptor in descriptors]
    assert lease.try_acquire()


@pytest.mark.parametrize("holder", [EXECUTES], indirect=True)
def test_a_program_that_the_holder_executed_does_not_keep_the_lease(
    holder: subprocess.Popen[str], lease: FileLease
) -> None:
    child = child_of(holder)
    holder.kill()
    eventually(lease.try_acquire, "the lease of a process that was killed")
    os.kill(child, 0)  # it lives


def test_flock_of_a_shell_is_the_same_lease_and_needs_no_permission_to_write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        lease = FileLease(folder)
        assert lease.try_acquire()
        command = ["flock", "--nonblock", folder, "true"]
        assert subprocess.run(command, user="nobody").returncode == 1
        lease.release()
        assert subprocess.run(command, user="nobody").returncode == 0


def test_importing_it_brings_in_the_standard_library_only() -> None:
    program = "import sys; before = {*sys.modules}; import shipper.handover; print(*{*sys.modules} - before)"
    finished = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    foreign = {name for name in finished.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    assert foreign == {"shipper", "shipper.handover"}
