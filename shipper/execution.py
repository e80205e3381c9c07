"""A command in a container: in the one that serves, or in a fresh one of its own."""

import secrets as random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from dataclasses import dataclass, replace
from typing import Protocol

from shipper.deployment import ignore
from shipper.errors import ConnectError, EngineError, HostError, ReleaseNotFound, UsageError
from shipper.events import Tell
from shipper.mask import Mask, masking
from shipper.model import Container, ContainerSpec, Env, Label, Observed, Payload, Secret, Terminal
from shipper.observe import observe
from shipper.project import Project
from shipper.session import connected
from shipper.spec import run_spec
from shipper.tasks import finish, task_group
from shipper.world import Session, World

_EXEC = "exec"  # the `Container.run` of containers that `--new` makes
_PATIENCE = 5.0  # seconds: an exit code may come later than the end of the output, a process later than its streams
_PAUSE = 0.05
_HANG_UP = 1.0  # seconds for what has a terminal, when that is gone: a shell heeds no SIGTERM
_REMOVE = 'docker --host "unix://$1" rm --force "$2" >/dev/null 2>&1'


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
        """Columns and rows, each time that they change."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where the command runs."""

    host_name: str
    role_name: str


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
    place = the_place(project)
    only = replace(project, host_names=(place.host_name,), role_names=(place.role_name,))
    with masking(tell) as (tell, mask):
        async with connected(only, tell) as worlds:
            world = worlds[place.host_name]
            host = await observe(world, image_name=None, network_name=project.full_name)
            session: AbstractAsyncContextManager[Session]
            if new:
                session = _in_a_new_one(project, world, host, place, release_number, command, console.terminal, mask)
            else:
                container = running(host, place.role_name, release_number)
                session = world.streams.executing(container.name, command, console.terminal)
            try:
                async with session as opened:
                    with console.attached():
                        return await _converse(opened, console, world)
            except ConnectError as error:
                raise ConnectError(
                    f"{place.host_name}: {error.what}",
                    now="What was run may go on there." if not new else "It ends with its input, unless it reads none.",
                    next="shipper status shows what serves.",
                ) from None


def the_place(project: Project) -> _Place:
    """PURE. Raises UsageError unless one role is meant."""
    role_names = [name for name in project.config.roles if project.means_role(name)]
    if len(role_names) > 1:
        raise UsageError("Several roles could be meant.", next=f"Say --role with one of {', '.join(role_names)}.")
    (role_name,) = role_names
    hosts = project.config.roles[role_name].hosts
    return _Place(host_name=next(name for name in hosts if name in project.hosts), role_name=role_name)


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


@asynccontextmanager
async def _in_a_new_one(
    project: Project,
    world: World,
    host: Observed,
    place: _Place,
    release_number: int | None,
    command: tuple[str, ...],
    terminal: Terminal | None,
    mask: Mask,
) -> AsyncIterator[Session]:
    number = release_number or running(host, place.role_name, None).release_number
    payload = await world.state.payload(number)
    if payload is None or place.role_name not in payload.env:
        raise ReleaseNotFound(
            f"There is no release {number} with {place.role_name} on {host.host_name}.",
            next="shipper releases lists what there is.",
        )
    mask.add(payload.secrets.values())
    spec = _spec(project, host, place, number, payload, command, terminal)
    async with AsyncExitStack() as stack:
        if terminal:  # Docker closes the input of a container with its client's, but not where that is a terminal
            await stack.enter_async_context(world.host.unless_left(_REMOVE, project.config.docker_socket, spec.name))
        try:
            await world.engine.create(spec)
            async with world.streams.starting(spec.name, terminal) as session:
                yield session
        except BaseException:
            await finish(_stop(world, spec))
            raise


def _spec(
    project: Project,
    host: Observed,
    place: _Place,
    number: int,
    payload: Payload,
    command: tuple[str, ...],
    terminal: Terminal | None,
) -> ContainerSpec:
    release = host.release(number)
    assert release
    labels = {
        Label.SERVICE: project.full_name,
        Label.ROLE: place.role_name,
        Label.RELEASE: str(number),
        Label.VERSION: release.version,
        Label.RUN: _EXEC,
    }
    made = run_spec(
        place.role_name,
        payload,
        name=f"{project.full_name}-{place.role_name}-exec-{random.token_hex(4)}",
        image_name=release.image_id or release.image,  # a tag may have moved
        network_name=project.full_name,
        labels={label.value: value for label, value in labels.items()},
        command=command,
    )
    env: Env = {"TERM": Secret(terminal.kind), **made.env} if terminal else made.env
    return replace(made, for_client=True, terminal=terminal, env=env)


async def _stop(world: World, spec: ContainerSpec) -> None:
    """Its end removes it; what never ran is removed here."""
    with suppress(EngineError, ConnectError):
        await world.engine.stop(spec.name, _HANG_UP if spec.terminal else spec.stop_timeout)
        await world.engine.remove(spec.name)


async def _converse(session: Session, console: Console, world: World) -> int:
    """Carries what goes both ways until the command has no more to say."""
    async with task_group() as carrying:
        inward = carrying.create_task(_carry_in(session, console))
        resizing = carrying.create_task(_resize(session, console, world)) if console.terminal else None
        while (written := await session.read()) is not None:
            to_errors, data = written
            await console.write(data, to_errors=to_errors)
        inward.cancel()
        if resizing:
            resizing.cancel()
    return await _in_time(session.exit_code, world)


async def _carry_in(session: Session, console: Console) -> None:
    while data := await console.read():
        await session.write(data)
    session.write_eof()


async def _resize(session: Session, console: Console, world: World) -> None:
    terminal = console.terminal
    assert terminal
    columns, rows = terminal.columns, terminal.rows
    while True:
        deadline = world.clock.monotonic() + _PATIENCE
        while not await session.resize(columns, rows) and world.clock.monotonic() < deadline:
            await world.clock.sleep(_PAUSE)
        columns, rows = await console.resized()


async def _in_time(asked: Callable[[], Awaitable[int | None]], world: World) -> int:
    deadline = world.clock.monotonic() + _PATIENCE
    while (code := await asked()) is None:
        if world.clock.monotonic() > deadline:
            raise HostError("The command closed its output and goes on: its exit code is not known.")
        await world.clock.sleep(_PAUSE)
    return code
