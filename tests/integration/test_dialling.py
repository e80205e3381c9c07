"""Servers whose sshd forbids forwarding: Docker is reached by `docker system dial-stdio`."""

import asyncio
import shutil
import socket
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import cast

import docker
import pytest

import shipper
from shipper.hosts.docker_socket import dial, listening
from shipper.hosts.host import SshHost
from shipper.tasks import task_group
from shipper.world import World
from tests.integration.conftest import Project
from tests.integration.test_adapters import IMAGE, SERVICE
from tests.integration.test_connection import aim
from tests.integration.test_lock import deploying
from tests.integration.waiting import eventually
from tests.machines import Machine, machine
from tests.worlds import world_of

pytestmark = pytest.mark.builds

STRICT = """
Match User root
  AllowTcpForwarding no
Match User deploy
  AllowStreamLocalForwarding no
"""
KINDS = ["root", "deploy"]
HEALTHCHECK = "gate: {healthcheck: true, deadline: 5s, interval: 50ms, settle: 50ms}"
COMMAND = 'gate: {command: [/bin/sh, -c, "wget -q -O - http://127.0.0.1:8080/up"], deadline: 5s, settle: 50ms}'
SLOW = 'gate: {command: [/bin/sh, -c, "exit 1"], deadline: 60s, interval: 50ms}'
WARNING = "sshd forbids forwarding: Docker is reached by `docker system dial-stdio`, which is slower."


@pytest.fixture(scope="module")
def strict(_parts: None) -> Iterator[Machine]:
    """Its sshd forbids root all forwarding, and deploy that of sockets."""
    with machine("strict", sshd=STRICT) as made:
        made.run("install -d -m 2770 -g docker /var/lib/shipper")
        yield made


@pytest.fixture
def forbidden(project: Project, strict: Machine) -> Iterator[Project]:
    """A project whose server forbids forwarding."""
    project.move(strict)
    yield project
    for container in project.containers(running=False):
        strict.docker("rm", "--force", container["Id"])
    strict.docker("network", "rm", project.service)


def configure(project: Project, user: str, role: str) -> None:
    aim(project, host=f"{user}@{project.server.address}", role=role)


async def test_many_who_look_at_once_share_the_few_sessions_of_one_login(forbidden: Project) -> None:
    configure(forbidden, "deploy", COMMAND)
    async with shipper.Connections() as kept:
        meant = replace(forbidden.opened(), connections=kept)

        plans = await asyncio.gather(*(shipper.plan_deploy(meant) for _ in range(8)))

    assert len({plan.fingerprint for plan in plans}) == 1


def dialled(made: Machine) -> str:
    """The processes that lead to Docker."""
    return made.run("pgrep -f 'system dial-stdi[o]'").stdout


@pytest.mark.parametrize(("user", "why"), [("root", "since sshd forbids ports that lead back here: "), ("deploy", "")])
def test_a_service_is_deployed_changed_and_rolled_back_without_forwarding(
    forbidden: Project, user: str, why: str
) -> None:
    configure(forbidden, user, HEALTHCHECK)
    first = forbidden.deploy()
    assert forbidden.answer() == "version 1"
    assert first.output.count(WARNING) == 1

    configure(forbidden, user, COMMAND)
    forbidden.version(f"version 2 by {user}")
    second = forbidden.deploy()

    assert forbidden.answer() == f"version 2 by {user}"
    assert f"{why}1 of 3 layers" in second.output
    logs = forbidden.shipper("logs")
    assert "starting in mode well" in logs.output
    assert WARNING in logs.errors
    executed = forbidden.shipper("exec", "--new", "--", "/bin/sh", "-c", "echo inside; exit 7")
    assert (executed.output, executed.exit_code) == ("inside\n", 7), executed.errors
    assert forbidden.shipper("rollback").exit_code == 0
    assert forbidden.answer() == "version 1"


def test_a_gate_by_http_is_refused_at_once_where_containers_cannot_be_reached(forbidden: Project) -> None:
    configure(forbidden, "root", "gate: {http: {port: 8080, path: /up}, deadline: 60s}")

    result = forbidden.shipper("deploy")

    assert result.exit_code == 13, result.everything
    assert "sshd forbids forwarding to 172." in result.output
    assert ":8080, which roles.web.gate (GET /up on port 8080 within 60s) needs" in result.output
    assert "Next: Let roles.web.gate be a `healthcheck` or a `command`, or allow forwarding there." in result.output
    assert forbidden.containers() == []


@pytest.mark.parametrize("gate", ["http: {port: 8080, path: /up}", "tcp: 8080"])
def test_gates_by_http_and_tcp_work_where_only_sockets_are_not_forwarded(forbidden: Project, gate: str) -> None:
    configure(forbidden, "deploy", f"gate: {{{gate}, deadline: 5s, interval: 50ms, settle: 50ms}}")

    forbidden.deploy()

    assert forbidden.answer() == "version 1"


@pytest.mark.parametrize("user", KINDS)
def test_a_client_that_was_killed_leaves_no_lock_and_no_way_to_docker(forbidden: Project, user: str) -> None:
    configure(forbidden, user, SLOW)
    with deploying(forbidden, "check"):
        assert dialled(forbidden.server)

    lock = f"/var/lib/shipper/{forbidden.service}/lock"
    eventually(lambda: forbidden.server.run(f"flock -n {lock} true").returncode == 0, "the lock")
    eventually(lambda: not dialled(forbidden.server), "the end of all dial-stdio")
    configure(forbidden, user, HEALTHCHECK)
    forbidden.deploy("--wait", "5")
    assert forbidden.answer() == "version 1"


def test_a_server_without_dockers_command_is_told_that_it_needs_one(forbidden: Project) -> None:
    configure(forbidden, "deploy", HEALTHCHECK)
    commands = forbidden.server.run("which -a docker").stdout.split()
    for command in commands:
        forbidden.server.run(f"mount --bind /dev/null {command}")

    result = forbidden.shipper("deploy")

    for command in commands:
        forbidden.server.run(f"umount {command}")
    assert result.exit_code == 14, result.everything
    assert "sshd does not reach the Docker socket /var/run/docker.sock, and there is no `docker` " in result.errors
    assert "next: If sshd forbids forwarding, install Docker's CLI there" in result.errors
    assert forbidden.containers(running=False) == []


# The connections themselves


@pytest.fixture
async def world(strict: Machine, tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(strict, tmp_path, SERVICE) as made:
        yield made


@pytest.fixture
def container(strict: Machine, tmp_path: Path) -> Iterator[str]:
    """A shell that waits."""
    archive = tmp_path / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(str(shutil.which("busybox")), "bin/sh")
    strict.docker("import", str(archive), IMAGE)
    name = "dialling-waits"
    label = f"--label=shipper.service={SERVICE}"
    strict.docker("run", "--detach", "--init", "--name", name, label, IMAGE, "/bin/sh", "-c", "sleep 1000")
    yield name
    strict.docker("rm", "--force", name)


async def test_many_calls_at_once_of_all_kinds_get_their_turn(world: World, strict: Machine, container: str) -> None:
    async def all_kinds(number: int) -> str:
        await world.engine.container(container)
        await world.engine.image(f"absent-{number}")
        await world.host.disk("/")
        assert not await world.engine.exits_within(container, 0.05)
        finished = await world.engine.execute(container, ("/bin/sh", "-c", f"echo {number}"), 10)
        return finished.output.strip()

    said = await asyncio.gather(*map(all_kinds, range(40)))

    assert said == [str(number) for number in range(40)]
    assert 0 < len(dialled(strict).split()) <= 6


async def test_streams_take_connections_from_calls_and_leave_them_some(world: World, container: str) -> None:
    async def look(_: int) -> None:
        assert (await world.engine.container(container)).is_running

    await asyncio.gather(*map(look, range(20)))
    async with AsyncExitStack() as stack:
        for _ in range(await world.streams.room()):
            await stack.enter_async_context(world.streams.starts())
        await asyncio.gather(*map(look, range(20)))
    await asyncio.gather(*map(look, range(20)))


async def test_probes_that_hang_do_not_use_up_the_sessions(strict: Machine, tmp_path: Path, container: str) -> None:
    async with world_of(strict, tmp_path, SERVICE, call="5s") as world:
        for _ in range(12):
            with pytest.raises(TimeoutError):
                await world.engine.execute(container, ("/bin/sh", "-c", "sleep 1000"), 0.05)

        assert (await world.engine.container(container)).is_running


async def test_who_has_no_more_to_say_still_gets_the_answer(world: World, tmp_path: Path, container: str) -> None:
    def spoken(path: Path) -> bytes:
        with closing(docker.APIClient(f"unix://{path}")) as api:
            shell = api.exec_create(container, ["/bin/sh", "-c", "cat; echo and the end"], stdin=True)
            stream = api.exec_start(shell["Id"], socket=True)
            with closing(stream), closing(cast(socket.socket, getattr(stream, "_sock", stream))) as raw:
                raw.sendall(b"a question\n")
                raw.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: raw.recv(4096), b""))

    with listening(tmp_path / "dialled.sock") as listener:
        async with task_group() as dialling:
            dialler = dialling.create_task(dial(cast(SshHost, world.host), "/var/run/docker.sock", listener))
            answer = await asyncio.to_thread(spoken, tmp_path / "dialled.sock")
            dialler.cancel()

    assert b"a question\n" in answer
    assert answer.endswith(b"and the end\n")


async def test_all_that_a_command_writes_arrives(world: World, container: str) -> None:
    line = "i=0; while [ $i -lt 20000 ]; do echo 0123456789abcdef0123456789abcdef; i=$((i+1)); done"

    finished = await world.engine.execute(container, ("/bin/sh", "-c", line), 60)

    assert finished.output == "0123456789abcdef0123456789abcdef\n" * 20000


def test_doctor_tells_what_is_forbidden_and_that_a_deploy_works_all_the_same(forbidden: Project) -> None:
    configure(forbidden, "root", HEALTHCHECK)
    forbidden.commit()

    result = forbidden.shipper("doctor")

    assert result.exit_code == 0, result.everything
    assert "note     forwarding: sshd does not forward Docker's socket" in result.output
    assert "note     tunnel: sshd forbids ports that lead back here: images travel as archives" in result.output
    assert "Nothing is in the way of a deploy." in result.output
