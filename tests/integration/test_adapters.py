"""The adapters: that no exception of asyncssh, docker or requests gets through them, and what no simulation needs.

What production code relies on is in tests/contract.
"""

import asyncio
import gc
import itertools
import shutil
import sys
import tarfile
import threading
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from shipper.errors import ConnectError, EngineError
from shipper.hosts.host import SshHost
from shipper.hosts.usage import cpu_percent
from shipper.model.specification import ContainerSpec
from shipper.world import ByteReader, ByteWriter, World
from tests.integration.waiting import eventually
from tests.machines import Machine, machine
from tests.worlds import OF_A_CONTAINER, Verb, collect_garbage, world_of

SERVICE = "adapters"
IMAGE = "adapters:1"
ABSENT = "adapters-absent"
_numbers = itertools.count(1)

SPEC = ContainerSpec(name="adapters-created", image="adapters:absent", network_name=SERVICE, aliases=(), labels={})

OF_AN_ENGINE: dict[str, Verb] = {
    "storage": lambda world, name: world.engine.storage(),
    "has_network": lambda world, name: world.engine.has_network(name),
    "create_network": lambda world, name: world.engine.create_network(name),
    "own_networks": lambda world, name: world.engine.own_networks(),
    "remove_network": lambda world, name: world.engine.remove_network(name),
    "volumes": lambda world, name: world.engine.volumes(),
    "writers": lambda world, name: world.engine.writers([name]),
    "remove_volume": lambda world, name: world.engine.remove_volume(name),
    "containers": lambda world, name: world.engine.containers(),
    "accessories": lambda world, name: world.engine.accessories(),
    "create": lambda world, name: world.engine.create(SPEC),
    "image": lambda world, name: world.engine.image(name),
    "images": lambda world, name: world.engine.images(),
    "list_images": lambda world, name: world.engine.list_images(),
    "load": lambda world, name: world.engine.load(iter([b"an archive", b"in pieces"])),
    "pull": lambda world, name: world.engine.pull(f"127.0.0.1:2/{name}:1", None, lambda progress: None),
    "tag": lambda world, name: world.engine.tag(f"{name}:1", f"{name}:2"),
    "remove_image": lambda world, name: world.engine.remove_image(name),
    "log": lambda world, name: begin(world.streams.log(name)),
    "starts": lambda world, name: begin(world.streams.starts()),
    "executing": lambda world, name: begin(world.streams.executing(name, ("/bin/sh",), None, {})),
    "starting": lambda world, name: begin(world.streams.starting(name, None)),
    **OF_A_CONTAINER,
}
OF_A_HOST: dict[str, Verb] = {
    "connect_tcp": lambda world, name: world.host.connect_tcp("127.0.0.1", 22, 5),
    "http_get": lambda world, name: world.host.http_get("127.0.0.1", 22, "/", 5),
    "disk": lambda world, name: world.host.disk("/"),
    "run": lambda world, name: ssh(world).run("true"),
    "connect_socket": lambda world, name: ssh(world).connect_socket("/var/run/docker.sock"),
    "serving": lambda world, name: listen(world),
    "unless_left": lambda world, name: begin(world.host.unless_left("true")),
    "samples": lambda world, name: world.host.samples((1,)),
    "releases": lambda world, name: world.state.releases(),
    "payloads": lambda world, name: world.state.payloads(),
    "holder": lambda world, name: world.journal.holder(),
    "exists": lambda world, name: world.state.exists(),
    "remove_all": lambda world, name: world.state.remove_all(),
}


RESPONDER = """
import pathlib, socket, sys

folder, held = pathlib.Path(sys.argv[1]), []
listener = socket.create_server(("127.0.0.1", 0))
(folder / "port.new").write_text(str(listener.getsockname()[1]))
(folder / "port.new").rename(folder / "port")
while True:
    connection, _ = listener.accept()
    asked = b""
    while b"\\r\\n\\r\\n" not in asked and (chunk := connection.recv(4096)):
        asked += chunk
    (folder / "asked").write_bytes(asked)
    connection.sendall((folder / "answer").read_bytes())
    if sys.argv[2] == "holds":
        held.append(connection)
    else:
        connection.close()
"""


@pytest.fixture(scope="module")
def fragile(_parts: None) -> Iterator[Machine]:
    """A machine to break."""
    with machine("fragile") as made:
        yield made


@pytest.fixture(scope="module")
async def world(server: Machine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world_of(server, tmp_path_factory.mktemp("world"), SERVICE) as made:
        yield made


@pytest.fixture(scope="module")
def image(server: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A shell and nothing else."""
    archive = tmp_path_factory.mktemp("image") / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(str(shutil.which("busybox")), "bin/sh")
    server.docker("import", str(archive), IMAGE)
    yield IMAGE
    server.docker("rmi", "--force", IMAGE)


@pytest.fixture
def container(server: Machine, image: str) -> Iterator[Callable[[str], str]]:
    """Starts containers that run a line of the shell; gives their names."""
    names: list[str] = []

    def start(line: str) -> str:
        name = f"adapters-{next(_numbers)}"
        label = f"--label=shipper.service={SERVICE}"
        started = server.docker("run", "--detach", "--init", "--name", name, label, image, "/bin/sh", "-c", line)
        assert started.returncode == 0, started.stderr
        names.append(name)
        return name

    yield start
    if names:
        server.docker("rm", "--force", *names)


@dataclass
class Responder:
    """A server on the machine that gives everyone the same answer, and then hangs up or holds on."""

    port: int
    asked: Path
    """What the last one asked for."""


Respond = Callable[..., Responder]


@pytest.fixture
def respond(server: Machine, tmp_path: Path) -> Iterator[Respond]:
    pids: list[str] = []

    def start(answer: str, *, holds: bool = False) -> Responder:
        folder = tmp_path / f"responder-{next(_numbers)}"
        folder.mkdir()
        (folder / "answer").write_bytes(answer.replace("\n", "\r\n").encode())
        (folder / "respond.py").write_text(RESPONDER)
        command = f"{sys.executable} {folder}/respond.py {folder} {'holds' if holds else 'hangs-up'}"
        pids.append(server.run(f"{command} >{folder}/log 2>&1 & echo $!").stdout.strip())
        port = folder / "port"
        eventually(port.exists, f"a server of {folder}")
        return Responder(port=int(port.read_text()), asked=folder / "asked")

    yield start
    for pid in pids:
        server.run(f"kill {pid}")


async def begin(stream: AbstractAsyncContextManager[object]) -> None:
    async with stream:
        return


async def listen(world: World) -> None:
    async def hang_up(reader: ByteReader, writer: ByteWriter) -> None:
        return

    async with world.host.serving(hang_up):
        pass


def ssh(world: World) -> SshHost:
    return cast(SshHost, world.host)


async def raised_by(act: Awaitable[object]) -> type[Exception] | None:
    raised: type[Exception] | None = None
    try:
        await act
    except Exception as error:
        raised = type(error)
    await collect_garbage()
    return raised


async def session_pid(world: World) -> str:
    """The process of sshd that serves our connection, as the machine counts."""
    return (await ssh(world).run('echo "$PPID"')).output.strip()


# Connections that break


@pytest.fixture(scope="module")
async def cut_off(fragile: Machine, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A world whose sshd has ended the session."""
    async with world_of(fragile, tmp_path_factory.mktemp("cut-off"), SERVICE) as made:
        fragile.run(f"kill -9 {await session_pid(made)}")
        yield made
    await collect_garbage()


@pytest.fixture(scope="module")
async def without_dockerd(tmp_path_factory: pytest.TempPathFactory, _parts: None) -> AsyncIterator[World]:
    """A world whose dockerd was killed."""
    with machine("crashed") as crashed:
        async with world_of(crashed, tmp_path_factory.mktemp("crashed"), SERVICE) as made:
            await made.engine.platform()
            crashed.run("kill -9 $(cat /run/docker.pid)")
            yield made
    await collect_garbage()


@pytest.mark.parametrize("verb", [*OF_AN_ENGINE, *OF_A_HOST])
async def test_after_the_connection_broke_each_verb_says_so(cut_off: World, verb: str) -> None:
    act = {**OF_AN_ENGINE, **OF_A_HOST}[verb]

    assert await raised_by(act(cut_off, ABSENT)) is ConnectError


@pytest.mark.parametrize("verb", OF_AN_ENGINE)
async def test_after_docker_died_each_verb_says_so(without_dockerd: World, verb: str) -> None:
    assert await raised_by(OF_AN_ENGINE[verb](without_dockerd, ABSENT)) is ConnectError


async def test_ssh_works_on_after_docker_died(without_dockerd: World) -> None:
    assert (await ssh(without_dockerd).run("echo here")).output == "here\n"


async def broken_meanwhile(
    fragile: Machine, folder: Path, act: Verb, argument: str, begun: str
) -> type[Exception] | None:
    """Kills the session while `act` is under way: once `begun` is among the machine's processes."""
    async with world_of(fragile, folder, SERVICE) as made:
        pid = await session_pid(made)
        async with asyncio.TaskGroup() as group:
            acting = group.create_task(raised_by(act(made, argument)))
            await asyncio.to_thread(
                eventually, lambda: begun in fragile.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout, begun
            )
            fragile.run(f"kill -9 {pid}")
    await collect_garbage()
    return acting.result()


async def test_a_command_whose_connection_breaks_meanwhile_says_so(fragile: Machine, tmp_path: Path) -> None:
    raised = await broken_meanwhile(
        fragile, tmp_path, lambda world, line: ssh(world).run(line), "sleep 1111", "sleep 1111"
    )

    assert raised is ConnectError


async def test_waiting_for_a_container_says_so_when_the_connection_breaks(
    fragile: Machine, tmp_path: Path, image: str, server: Machine
) -> None:
    server.docker("save", "--output", str(tmp_path / "image.tar"), image)
    fragile.docker("load", "--input", str(tmp_path / "image.tar"))
    fragile.docker("run", "--detach", "--init", "--name", "adapters-long", image, "/bin/sh", "-c", "sleep 2222")

    raised = await broken_meanwhile(
        fragile, tmp_path, lambda world, name: world.engine.exits_within(name, 20), "adapters-long", "sleep 2222"
    )

    assert raised is ConnectError


async def test_an_exec_whose_connection_breaks_meanwhile_says_so(
    fragile: Machine, tmp_path: Path, image: str, server: Machine
) -> None:
    server.docker("save", "--output", str(tmp_path / "image.tar"), image)
    fragile.docker("load", "--input", str(tmp_path / "image.tar"))
    fragile.docker("run", "--detach", "--init", "--name", "adapters-exec", image, "/bin/sh", "-c", "sleep 1000")

    raised = await broken_meanwhile(
        fragile,
        tmp_path,
        lambda world, name: world.engine.execute(name, ("/bin/sh", "-c", "sleep 3333"), 20),
        "adapters-exec",
        "sleep 3333",
    )

    assert raised is ConnectError


# Silence


async def test_a_pull_from_a_registry_that_says_nothing_is_left_behind_and_ends_with_the_connection(
    server: Machine, respond: Respond, tmp_path: Path
) -> None:
    silent, before = f"127.0.0.1:{respond('', holds=True).port}/app:1", {*threading.enumerate()}

    async with world_of(server, tmp_path, SERVICE) as made:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await made.engine.pull(silent, None, lambda progress: None)

    pulling = [thread for thread in threading.enumerate() if thread not in before and thread.name.startswith("docker")]
    eventually(lambda: not any(thread.is_alive() for thread in pulling), "the thread of the pull has ended")


async def test_what_fails_in_one_channel_leaves_the_connection_as_it_is(world: World) -> None:
    failed = asyncio.Event()

    async def fail(reader: ByteReader, writer: ByteWriter) -> None:
        failed.set()
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    async with world.host.serving(fail) as port:
        await world.host.connect_tcp("127.0.0.1", port, 5)
        await failed.wait()
        finished = await ssh(world).run("echo there")

    assert finished.output == "there\n"


async def test_a_docker_that_does_not_answer_is_given_up_after_the_deadline(fragile: Machine, tmp_path: Path) -> None:
    async with world_of(fragile, tmp_path, SERVICE, call="1s") as made:
        assert await made.engine.platform()
        pid = fragile.run("cat /run/docker.pid").stdout.strip()
        fragile.run(f"kill -STOP {pid}")
        try:
            with pytest.raises(ConnectError, match="Docker did not answer in time"):
                await made.engine.containers()
        finally:
            fragile.run(f"kill -CONT {pid}")


async def test_a_command_that_does_not_end_is_given_up_after_the_deadline(server: Machine, tmp_path: Path) -> None:
    async with world_of(server, tmp_path, SERVICE, call="1s") as made:
        with pytest.raises(ConnectError, match=r"a command did not end within 1 s"):
            await ssh(made).run("exec sleep 20")


async def test_a_deadline_of_less_than_half_a_second_can_be_kept(server: Machine, tmp_path: Path) -> None:
    async with world_of(server, tmp_path, SERVICE, call="400ms") as made:
        assert await made.engine.platform() == "linux/amd64"


# HTTP


async def test_a_page_is_got_with_its_status(world: World, respond: Respond) -> None:
    answer = await world.host.http_get("127.0.0.1", respond("HTTP/1.1 200 OK\n\nfine").port, "/up", 5)

    assert (answer.status, answer.body) == (200, "fine")


async def test_the_path_is_asked_for_with_the_host(world: World, respond: Respond) -> None:
    responder = respond("HTTP/1.1 200 OK\n\nfine")

    await world.host.http_get("127.0.0.1", responder.port, "/up?deep=1", 5)

    request, host = responder.asked.read_text().splitlines()[:2]
    assert (request, host) == ("GET /up?deep=1 HTTP/1.1", f"Host: 127.0.0.1:{responder.port}")


async def test_a_404_is_an_answer_with_its_body(world: World, respond: Respond) -> None:
    responder = respond("HTTP/1.1 404 Not Found\nContent-Length: 7\n\nmissing")

    answer = await world.host.http_get("127.0.0.1", responder.port, "/", 5)

    assert (answer.status, answer.body) == (404, "missing")


@pytest.mark.parametrize(
    ("given", "status", "body"),
    [
        ("HTTP/1.1 200 OK\nContent-Length: 4\n\nfine", 200, "fine"),
        ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", 200, ""),
        ("HTTP/1.1 204 No Content\n\n", 204, ""),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nfine\n0\n\n", 200, "fine"),
    ],
    ids=["with a length", "empty", "without a body", "in chunks"],
)
async def test_an_answer_is_taken_when_it_is_whole_though_the_server_does_not_hang_up(
    world: World, respond: Respond, given: str, status: int, body: str
) -> None:
    responder = respond(given, holds=True)
    begun = time.monotonic()

    answer = await world.host.http_get("127.0.0.1", responder.port, "/", 1)

    assert (answer.status, answer.body) == (status, body)
    assert time.monotonic() - begun < 0.8


async def test_the_status_counts_though_the_rest_does_not_come(world: World, respond: Respond) -> None:
    responder = respond("HTTP/1.1 503 Busy\nContent-Length: 400\n\nwait", holds=True)

    answer = await world.host.http_get("127.0.0.1", responder.port, "/", 0.3)

    assert (answer.status, answer.body) == (503, "wait")


async def test_a_refused_connection_is_told(world: World) -> None:
    with pytest.raises(ConnectError, match=r"^port 2: Connection refused"):
        await world.host.http_get("127.0.0.1", 2, "/", 5)


@pytest.mark.parametrize("answer", ["SSH-2.0-hello\n", "HTTP/1.1 fine\n\n", "HTTP/1.1", "\0\1\2", "\n\n"])
async def test_what_is_not_http_is_told(world: World, respond: Respond, answer: str) -> None:
    with pytest.raises(ConnectError, match="the answer is not HTTP"):
        await world.host.http_get("127.0.0.1", respond(answer).port, "/", 5)


async def test_a_silent_server_is_told_after_the_deadline(world: World, respond: Respond) -> None:
    port = respond("", holds=True).port

    with pytest.raises(ConnectError, match=f"port {port} accepts, but gave no answer within 0.3 s"):
        await world.host.http_get("127.0.0.1", port, "/", 0.3)


async def test_a_server_that_hangs_up_is_not_said_to_be_slow(world: World, respond: Respond) -> None:
    with pytest.raises(ConnectError) as raised:
        await world.host.http_get("127.0.0.1", respond("").port, "/", 5)

    assert "within" not in raised.value.what


async def test_an_open_port_can_be_connected_to(world: World, respond: Respond) -> None:
    await world.host.connect_tcp("127.0.0.1", respond("").port, 5)


async def test_a_busy_container_uses_a_processor_and_an_idle_one_uses_none(
    world: World, container: Callable[[str], str]
) -> None:
    busy, idle = [await world.engine.container(container(line)) for line in ("while :; do :; done", "exec sleep 1000")]
    ids = busy.process_id, idle.process_id

    first = await world.host.samples(ids)
    await world.clock.sleep(0.1)
    second = await world.host.samples(ids)

    shares = [cpu_percent(first[process_id], second[process_id]) for process_id in ids]
    assert shares[0] is not None
    assert shares[1] is not None
    assert shares[0] > 10 > shares[1]  # others compute too
    assert 0 < second[idle.process_id].memory < 20_000_000
    assert second[idle.process_id].memory_limit is None


async def test_a_process_that_is_gone_uses_nothing(world: World) -> None:
    assert await world.host.samples((4_000_000,)) == {}


async def test_a_closed_port_cannot_be_connected_to(world: World) -> None:
    with pytest.raises(ConnectError, match=r"^port 2: Connection refused"):
        await world.host.connect_tcp("127.0.0.1", 2, 5)


# Disk


async def test_how_full_a_disk_is_is_told_as_df_tells_it(world: World, server: Machine) -> None:
    disk = await world.host.disk("/var/lib/docker")

    free, used = server.run("df --output=avail,pcent --block-size=1 /var/lib/docker").stdout.split()[-2:]
    assert disk is not None
    assert abs(disk.free - int(free)) < 100_000_000  # others write too
    assert abs(disk.used_percent - int(used.rstrip("%"))) <= 1


async def test_the_disk_of_no_folder_is_not_known(world: World) -> None:
    assert await world.host.disk("/nowhere") is None


# In containers


async def test_a_command_gives_its_output_and_exit_code(world: World, container: Callable[[str], str]) -> None:
    name = container("exec sleep 1000")

    finished = await world.engine.execute(name, ("/bin/sh", "-c", "echo out; echo err >&2; exit 7"), 5)

    assert finished.exit_code == 7
    assert sorted(finished.output.splitlines()) == ["err", "out"]


async def test_a_long_output_comes_whole(world: World, container: Callable[[str], str]) -> None:
    name = container("exec sleep 1000")

    finished = await world.engine.execute(name, ("/bin/sh", "-c", "seq 20000"), 10)

    assert finished.output.splitlines() == [str(number) for number in range(1, 20001)]


async def test_a_command_leaves_no_socket_open(world: World, container: Callable[[str], str]) -> None:
    name = container("exec sleep 1000")
    await collect_garbage()

    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", ResourceWarning)
        await world.engine.execute(name, ("/bin/sh", "-c", "echo"), 5)
        gc.collect()

    assert [str(warning.message) for warning in left] == []


async def test_a_command_that_does_not_end_in_time_is_a_timeout(world: World, container: Callable[[str], str]) -> None:
    name = container("exec sleep 1000")

    with pytest.raises(TimeoutError):
        await world.engine.execute(name, ("/bin/sh", "-c", "exec sleep 20"), 0.3)


async def test_a_command_that_writes_and_writes_is_a_timeout_too(world: World, container: Callable[[str], str]) -> None:
    name = container("exec sleep 1000")
    pause = "count=0; while [ $count -lt 100 ]; do count=$((count + 1)); done"  # far less than a millisecond
    writes = f"(sleep 2; kill -9 $$) & while :; do {pause}; echo y; done"

    with pytest.raises(TimeoutError):
        await world.engine.execute(name, ("/bin/sh", "-c", writes), 0.3)


async def test_a_command_that_is_not_there_fails(world: World, container: Callable[[str], str]) -> None:
    finished = await world.engine.execute(container("exec sleep 1000"), ("/bin/nothing",), 5)

    assert finished.exit_code in (126, 127)
    assert "/bin/nothing" in finished.output


async def test_logs_are_those_of_output_and_errors(world: World, container: Callable[[str], str]) -> None:
    name = container("echo starting; echo FATAL >&2")
    assert await world.engine.exits_within(name, 5)

    assert sorted(await world.engine.logs(name, 5)) == ["FATAL", "starting"]


async def test_a_line_is_one_line_however_long_it_is(world: World, container: Callable[[str], str]) -> None:
    name = container("head -c 40000 /dev/zero | tr '\\0' x; echo; echo short; printf end")
    assert await world.engine.exits_within(name, 5)

    async with world.streams.log(name) as entries:
        assert [entry.text async for entry in entries] == ["x" * 40000, "short", "end"]


# Images


async def test_what_is_no_archive_is_not_loaded(world: World) -> None:
    before = {image.id for image in await world.engine.images()}

    with pytest.raises(EngineError):
        await world.engine.load(iter([b"garbage " * 100]))

    assert {image.id for image in await world.engine.images()} == before


async def test_an_archive_that_ends_too_early_is_not_loaded(
    world: World, server: Machine, image: str, tmp_path: Path
) -> None:
    server.docker("save", "--output", str(tmp_path / "image.tar"), image)
    archive = (tmp_path / "image.tar").read_bytes()

    with pytest.raises(EngineError):
        await world.engine.load(iter([archive[: len(archive) // 2]]))


async def test_an_archive_that_cannot_be_read_here_is_told_as_it_is(world: World) -> None:
    def torn() -> Iterator[bytes]:
        yield b"begun"
        raise ConnectError("interrupted")

    with pytest.raises(ConnectError, match=r"^interrupted$"):
        await world.engine.load(torn())
