"""A command in a container: in the one that serves, or in a fresh one of its own."""

import secrets as random
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from dataclasses import replace
from typing import Protocol

from shipper.env.mask import Mask, masking
from shipper.errors import ConnectError, EngineError, ImageError, NotThere, ReleaseNotFound, UsageError
from shipper.events import Tell
from shipper.hosts.session import connected
from shipper.model.container import Container, Label
from shipper.model.observed import Observed
from shipper.model.release import Payload
from shipper.model.secret import Env, Secret
from shipper.model.specification import ContainerSpec, Terminal
from shipper.observe import observe
from shipper.operations.deployment import ignore
from shipper.planning.spec import run_spec
from shipper.project import Project
from shipper.tasks import finish, task_group
from shipper.world import Session, World

_EXEC = "exec"  # the `Container.run` of fresh ones
_PATIENCE = 5.0  # seconds
_PAUSE = 0.1
_STOP_TIMEOUT = 1.0  # seconds for what has a terminal, when that is gone: a shell heeds no SIGTERM
_REMOVE = 'docker --host "unix://$1" rm --force "$2" >/dev/null 2>&1'
# Docker cannot end a command in a container that runs, so it is found there by what marks it, and all that it started.
_MARK = "SHIPPER_SESSION"
# First whole groups at once: what reads from another would take its end for an ordinary one.
_HANG_UP = f"""for group in - ""; do
  for process in /proc/[0-9]*; do
    grep -q "{_MARK}=$1" "$process/environ" 2>/dev/null && kill -HUP "$group${{process#/proc/}}" 2>/dev/null
  done
done"""
_HANG_UP_FROM_OUTSIDE = 'docker --host "unix://$1" exec "$2" /bin/sh -c "$3" sh "$4" >/dev/null 2>&1'


class Console(Protocol):
    """What a command is connected to on this side."""

    terminal: Terminal | None
    """The terminal that it is to have, as it is at the start; without one, output and errors are kept apart."""

    def attached(self) -> AbstractContextManager[None]:
        """While the command runs."""

    async def read(self) -> bytes:
        """What is typed or piped in next; nothing at the end."""

    async def write(self, data: bytes, *, to_errors: bool) -> None: ...
    async def resized(self) -> tuple[int, int]:
        """Columns and rows, at the start and each time that they change."""


async def execute(
    project: Project,
    command: tuple[str, ...],
    console: Console,
    *,
    new: bool = False,
    release_number: int | None = None,
    tell: Tell = ignore,
) -> int:
    """Runs a command in the container that serves the project's one role, on the first of its hosts; its exit code.

    With `new`, in a fresh container that has the env, files and volumes of the release that serves, or of another one,
    and is removed in the end. Takes no lock. What passes through the console is not masked. Raises ShipperError.
    """
    host_name, role_name = the_place(project)
    only = replace(project, host_names=(host_name,), role_names=(role_name,))
    with masking(tell) as (tell, mask):
        async with connected(only, tell) as worlds:
            world = worlds[host_name]
            host = await observe(world, image_name=None, network_name=project.full_name)
            session: AbstractAsyncContextManager[Session]
            if new:
                number = release_number or running(host, role_name, None).release_number
                payload = await _payload(world, role_name, number, mask)
                spec = fresh_spec(
                    project.full_name, host, role_name, number, payload, command, console.terminal, random.token_hex(4)
                )
                session = _fresh(world, spec, project.config.docker_socket)
            else:
                name = running(host, role_name, release_number).name
                session = inside(world, name, command, console.terminal, project.config.docker_socket)
            try:
                async with session as opened:
                    return await converse(opened, console, world)
            except ConnectError as error:
                raise ConnectError(
                    f"{host_name}: {error.what}",
                    now="What was run ends with its input, unless it reads none." if new else "What was run may go on.",
                    next="shipper status shows what serves.",
                ) from None


def the_place(project: Project) -> tuple[str, str]:
    """PURE. Host and role. Raises UsageError unless one role is meant."""
    role_names = [name for name in project.config.roles if project.means_role(name)]
    if len(role_names) > 1:
        raise UsageError("Several roles could be meant.", next=f"Say --role with one of {', '.join(role_names)}.")
    (role_name,) = role_names
    hosts = project.config.roles[role_name].hosts
    return next(name for name in hosts if name in project.hosts), role_name


def running(host: Observed, role_name: str, release_number: int | None) -> Container:
    """PURE. What serves, or the newest of a release that runs. Raises ReleaseNotFound."""
    if release_number is None:
        if serving := host.serving(role_name):
            return serving
        raise ReleaseNotFound(
            f"Nothing of {role_name} serves on {host.host_name}.",
            next="shipper releases lists what there is; with --new --release N it runs in a fresh container.",
        )
    of_release = [c for c in host.of_role(role_name) if c.release_number == release_number and c.is_running]
    if not of_release:
        raise ReleaseNotFound(
            f"Nothing of {role_name} of release {release_number} runs on {host.host_name}.",
            next=f"shipper exec --new --release {release_number} runs in a fresh container of it.",
        )
    return of_release[-1]


async def _payload(world: World, role_name: str, number: int, mask: Mask) -> Payload:
    payload = await world.state.payload(number)
    if payload is None or role_name not in payload.env:
        raise ReleaseNotFound(
            f"There is no release {number} with {role_name} on {world.host_name}.",
            next="shipper releases lists what there is.",
        )
    mask.add(payload.secrets.values())
    return payload


def fresh_spec(
    full_name: str,
    host: Observed,
    role_name: str,
    number: int,
    payload: Payload,
    command: tuple[str, ...],
    terminal: Terminal | None,
    token: str,
) -> ContainerSpec:
    """PURE. A container of a release that the host knows, for one command; `token` tells it from others."""
    release = host.release(number)
    assert release, "its payload is there"
    labels = {
        Label.SERVICE: full_name,
        Label.ROLE: role_name,
        Label.RELEASE: str(number),
        Label.VERSION: release.version,
        Label.RUN: _EXEC,
    }
    made = run_spec(
        role_name,
        payload,
        name=f"{full_name}-{role_name}-exec-{token}",
        image_name=release.image_id or release.image,  # a tag may have moved
        network_name=full_name,
        labels={label.value: value for label, value in labels.items()},
        command=command,
    )
    env: Env = {"TERM": Secret(terminal.kind), **made.env} if terminal else made.env
    return replace(made, for_client=True, terminal=terminal, env=env)


@asynccontextmanager
async def inside(
    world: World, container_name: str, command: tuple[str, ...], terminal: Terminal | None, docker_socket: str
) -> AsyncIterator[Session]:
    token = random.token_hex(8)
    async with AsyncExitStack() as stack:
        if terminal:  # Docker ends the input of a command with its client's, but no terminal
            watch = (_HANG_UP_FROM_OUTSIDE, docker_socket, container_name, _HANG_UP, token)
            await stack.enter_async_context(world.host.unless_left(*watch))
        async with world.streams.executing(container_name, command, terminal, {_MARK: token}) as session:
            try:
                yield session
            except (EngineError, ConnectError):
                raise
            except BaseException:  # nobody listens any more; what ends with its input would take this for all of it
                await finish(_hang_up(world, container_name, token))
                raise


async def _hang_up(world: World, container_name: str, token: str) -> None:
    """As far as the image has a shell with grep."""
    with suppress(EngineError, ConnectError, TimeoutError):
        await world.engine.execute(container_name, ("/bin/sh", "-c", _HANG_UP, "sh", token), _PATIENCE)


@asynccontextmanager
async def _fresh(world: World, spec: ContainerSpec, docker_socket: str) -> AsyncIterator[Session]:
    async with AsyncExitStack() as stack:
        if spec.terminal:
            await stack.enter_async_context(world.host.unless_left(_REMOVE, docker_socket, spec.name))
        try:
            await _create(world, spec)
            async with world.streams.starting(spec.name, spec.terminal) as session:
                yield session
        except BaseException:
            await finish(_stop(world, spec))
            raise


async def _create(world: World, spec: ContainerSpec) -> None:
    try:
        await world.engine.create(spec)
    except NotThere:
        number = spec.labels[Label.RELEASE]
        raise ImageError(
            f"{world.host_name} no longer has the image of release {number}.",
            next=f"shipper rollback {number} says whether it can be had again.",
        ) from None


async def _stop(world: World, spec: ContainerSpec) -> None:
    """Its end removes it; what never ran is removed here."""
    with suppress(EngineError, ConnectError):
        await world.engine.stop(spec.name, _STOP_TIMEOUT if spec.terminal else spec.stop_timeout)
        await world.engine.remove(spec.name)


async def converse(session: Session, console: Console, world: World) -> int:
    """Carries what goes both ways until the command has no more to say; its exit code."""
    with console.attached():
        async with task_group() as carrying:
            inward = carrying.create_task(_carry_in(session, console))
            resizing = carrying.create_task(_resize(session, console, world))
            while (written := await session.read()) is not None:
                to_errors, data = written
                await console.write(data, to_errors=to_errors)
            inward.cancel()
            resizing.cancel()
        while (code := await session.exit_code()) is None:  # it has closed its output, and goes on
            await world.clock.sleep(_PAUSE)
    return code


async def _carry_in(session: Session, console: Console) -> None:
    while data := await console.read():
        await session.write(data)
    session.write_eof()


async def _resize(session: Session, console: Console, world: World) -> None:
    """Docker refuses it as long as the command does not run, which may be later than its streams are there."""
    while console.terminal:
        columns, rows = await console.resized()
        deadline = world.clock.monotonic() + _PATIENCE
        while not await session.resize(columns, rows) and world.clock.monotonic() < deadline:
            await world.clock.sleep(_PAUSE)
