"""The story of `shipper setup`: log in with rights → look → decide → do, on each server and here."""

import asyncio
import functools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from shipper.doctor.checks import HERE
from shipper.doctor.checks.machine import wanted_port
from shipper.errors import HostError, LoginRefused, ShipperError
from shipper.events import Called, Tell, Warned
from shipper.hosts import deploy_key
from shipper.hosts.host import SshHost
from shipper.hosts.login import Access, login
from shipper.hosts.session import SystemClock, access
from shipper.operations.deployment import ignore
from shipper.project import Project, hosts_as_written
from shipper.setup.advice import advice
from shipper.setup.do import check, do
from shipper.setup.facts import DEPLOY_KEY, STATE_ROOT, Server, Target, Wanted
from shipper.setup.here import do_here, plan_here
from shipper.setup.kept import generated, kept
from shipper.setup.look import look
from shipper.setup.plan import HostPlan, Step, lines, plan_host, refusal
from shipper.setup.targets import paired, targets
from shipper.tasks import together
from shipper.telling import told
from shipper.world import Report

_CLOCK = SystemClock()


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What servers and this machine lack."""

    targets: tuple[Target, ...]
    here: tuple[Step, ...]
    notes: tuple[str, ...]
    """What is left for people to do on this machine."""
    hosts: tuple[HostPlan, ...]
    advice: Mapping[str, tuple[str, ...]]
    """What would make a server safer, by its name; it is for people to do."""

    @property
    def is_empty(self) -> bool:
        return not self.here and not any(host.steps for host in self.hosts)

    @property
    def lines(self) -> tuple[str, ...]:
        steps = [*self.here, *(step for host in self.hosts for step in host.steps)]
        notes = [(host.login_name, note) for host in self.hosts for note in host.notes]
        return lines(steps, [*((HERE, note) for note in self.notes), *notes])


def setup_addresses(
    *, config_file: str, destination: str | None, environ: Mapping[str, str], logins: Sequence[str]
) -> dict[str, str]:
    """The addresses of these servers, by the variables of the config that name hosts and have no value yet.

    Before the config can be read as a whole. Raises ShipperError.
    """
    written, known = hosts_as_written(config_file=config_file, destination=destination, environ=environ)
    return paired(written, known, logins)


def setup_targets(project: Project, logins: Sequence[str]) -> tuple[Target, ...]:
    """The servers that are meant: these logins, each [user@]name[:port], else all hosts, as root. Raises UsageError."""
    return targets(project.config, project.hosts, logins)


async def plan_setup(
    project: Project, found: Sequence[Target], *, addresses: Mapping[str, str] | None = None, tell: Tell = ignore
) -> Setup:
    """Looks at each server, and at this machine. Changes nothing.

    `addresses` are values for variables of the config. Raises ShipperError.
    """
    public_key = deploy_key.public_half(project) or DEPLOY_KEY
    wanted = {target.login_name: _wanted(project, target) for target in found}
    servers = await together({name: _look(project, one, public_key, tell) for name, one in wanted.items()})
    _refuse(servers, wanted)
    there = kept(project.config, {wanted[name].target.host_name: server for name, server in servers.items()})
    here = await plan_here(project, addresses or {}, there)
    return Setup(
        targets=tuple(found),
        here=here.steps,
        notes=here.notes,
        hosts=tuple(plan_host(server, wanted[name]) for name, server in servers.items()),
        advice={name: tuple(advice(server, wanted[name])) for name, server in servers.items()},
    )


async def set_up(project: Project, setup: Setup, *, tell: Tell = ignore) -> None:
    """Does what was planned, on all servers at once. The same again goes on where this was interrupted.

    That who deploys can log in, and may use Docker, is tried also where nothing is lacking.

    Raises ShipperError: one server that fails leaves the others to come to their end.
    """
    for step in setup.here:
        await told(step, _CLOCK, tell, functools.partial(_done_here, project, step))
    public_key = deploy_key.public_half(project)
    hosts = zip(setup.targets, setup.hosts, strict=True)
    doing = {target.login_name: _set_up(project, target, host, public_key, tell) for target, host in hosts}
    try:
        errors = [error for error in (await together(doing)).values() if error]
    except asyncio.CancelledError:
        goes_on = "What was begun there may go on without us, an installation say"
        tell(Warned(text=f"{goes_on}. The same command again looks at what is true then, and does the rest."))
        raise
    if errors:
        raise errors[0]


async def _done_here(project: Project, step: Step, report: Report) -> str:
    await asyncio.to_thread(do_here, project, step)
    return step.detail


async def _set_up(project: Project, target: Target, host: HostPlan, public_key: str, tell: Tell) -> ShipperError | None:
    try:
        if not host.steps:
            await _check(project, target)  # which may be what failed the last time
            return None
        async with _reached(project, target, tell) as server:
            for step in host.steps:
                await told(step, _CLOCK, tell, functools.partial(_done, project, target, server, step, public_key))
    except ShipperError as error:
        return error
    return None


async def _done(project: Project, target: Target, server: SshHost, step: Step, public_key: str, report: Report) -> str:
    if step.name != "check":
        return await do(server, step, public_key, report)
    await _check(project, target)
    return step.detail


async def _check(project: Project, target: Target) -> None:
    async with _logged_in(target.deploy_name, access(project), project, ignore) as deploying:
        await check(deploying, project.config.docker_socket)


async def _look(project: Project, wanted: Wanted, public_key: str, tell: Tell) -> Server:
    async with _reached(project, wanted.target, tell) as server:
        return await look(server, wanted, public_key)


@asynccontextmanager
async def _reached(project: Project, target: Target, tell: Tell) -> AsyncIterator[SshHost]:
    async with AsyncExitStack() as stack:
        yield await _login(stack, project, target, tell)


async def _login(stack: AsyncExitStack, project: Project, target: Target, tell: Tell) -> SshHost:
    """With keys of the user's own; else with the deploy key, which may let in who may use sudo."""
    name, deploying = target.login_name, access(project)
    try:
        return await stack.enter_async_context(_logged_in(name, deploying.with_own_keys, project, tell))
    except LoginRefused as refused:
        if deploy_key.public_half(project):
            with suppress(LoginRefused):
                return await stack.enter_async_context(_logged_in(name, deploying, project, tell))
        next = f"Your own key has to be there first: ssh-copy-id {name}, or your provider's form"
        raise LoginRefused(refused.what, now=refused.now, next=next) from None


@asynccontextmanager
async def _logged_in(name: str, way: Access, project: Project, tell: Tell) -> AsyncIterator[SshHost]:
    def on_call(call: str, seconds: float) -> None:
        tell(Called(host_name=name, call=call, seconds=seconds))

    async with login(name, way) as connection:
        yield SshHost(name, connection, project.config.timeouts.call, on_call)


def _wanted(project: Project, target: Target) -> Wanted:
    config, host_name = project.config, target.host_name
    roles = [role for role in config.roles.values() if host_name in role.hosts]
    beside = [one for name, one in config.accessories.items() if host_name in config.accessory_hosts(name)]
    mounted = (volume.partition(":")[0] for one in (*roles, *beside) for volume in one.volumes if volume[0] == "/")
    published = (mapping for one in (*roles, *beside) for mapping in one.publish)
    return Wanted(
        target=target,
        docker_socket=config.docker_socket,
        state_folder=f"{STATE_ROOT}/{project.full_name}",
        mounted=tuple(dict.fromkeys(mounted)),
        generated=generated(config),
        publishes=tuple(mapping for mapping in published if not wanted_port(mapping).address),
    )


def _refuse(servers: Mapping[str, Server], wanted: Mapping[str, Wanted]) -> None:
    """Raises HostError for those that cannot be set up."""
    found = {name: refusal(server, wanted[name]) for name, server in servers.items()}
    refused = {name: why for name, why in found.items() if why}
    if refused:
        raise HostError(
            "\n".join(f"{name}: {why}." for name, (why, _) in refused.items()),
            now="Nothing was done.",
            next="\n".join(dict.fromkeys(next for _, next in refused.values())),
        )
