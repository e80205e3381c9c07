"""The story of a deploy: connect → observe → plan → run → outcome."""

import asyncio
import secrets as random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from shipper import environment, releases
from shipper.errors import GateFailed, ShipperError, SourceError, UsageError
from shipper.events import Ended, Event, Output, Planned, Tell, Warned, masked
from shipper.images.local import LocalImages
from shipper.mask import Mask, masking
from shipper.model import (
    Deployed,
    Env,
    Failed,
    Image,
    Observed,
    Outcome,
    Payload,
    Release,
    Serving,
    Unchanged,
)
from shipper.observe import observe
from shipper.plan import Plan, Wanted, make_plan
from shipper.project import Project
from shipper.runner import Failure, run
from shipper.session import connected
from shipper.tasks import finish, task_group
from shipper.world import World

Worlds = Mapping[str, World]
Hosts = Mapping[str, Observed]
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def ignore(event: Event) -> None:
    """For those who do not want to hear of events."""


async def deploy(project: Project, *, tell: Tell = ignore) -> Outcome:
    """Makes the project's revision serve on all hosts of its config, or leaves what serves as it is.

    Raises ShipperError before anything was begun; afterwards the outcome says what went wrong. When the task is
    cancelled, what was begun is taken back (or finished, once all hosts have swapped), and the outcome told by an
    `Ended` event, before CancelledError is raised.
    """
    _require_version(project)
    with masking(tell) as (tell, mask):
        available = await available_secrets(project, mask)
        async with connected(project, tell) as worlds:
            hosts = await observe_all(project, worlds, project.image)
            made = await _plan(project, worlds, hosts, available, mask, tell)
            return await carry_out(made, project, worlds, hosts, tell, mask)


async def plan_deploy(project: Project, *, tell: Tell = ignore) -> Plan:
    """What `deploy` would do now; changes nothing. Raises ShipperError."""
    _require_version(project)
    with masking(tell) as (tell, mask):
        available = await available_secrets(project, mask)
        async with connected(project, tell) as worlds:
            hosts = await observe_all(project, worlds, project.image)
            return await _plan(project, worlds, hosts, available, mask, tell)


async def build(project: Project, *, platform: str | None = None, tell: Tell = ignore) -> Image:
    """Builds the image of the project's revision here, unless it exists; `platform` is that of the hosts if absent.

    Raises ShipperError.
    """
    _require_version(project)
    if platform is None:
        async with connected(project, tell) as worlds:
            platforms = {name: (await world.engine.platform())[0] for name, world in worlds.items()}
        if len(set(platforms.values())) > 1:
            raise UsageError(f"The hosts differ ({platforms}): say which with --platform.")
        platform = next(iter(platforms.values()))
    images = LocalImages(project)
    existing = await images.find(project.image)
    if existing and existing.platform == platform:
        return existing
    return await images.build(project.image, platform, lambda line: tell(Output(step="build", line=line)))


def _require_version(project: Project) -> None:
    if not project.version:
        raise SourceError(
            f"{project.root} is in no Git repository, so there is no commit to name the release after.",
            now="Nothing was done.",
            next="Name the version of an image that exists (shipper deploy VERSION), or give `image` a tag.",
        )


async def _plan(project: Project, worlds: Worlds, hosts: Hosts, available: Env, mask: Mask, tell: Tell) -> Plan:
    if project.revision.is_dirty:
        tell(
            Warned(
                text="The working folder has changes that are not committed: they are deployed too, marked as dirty."
            )
        )
    recorded: Env = {}
    if available.keys() != project.config.secrets.keys():
        serving = await serving_payloads(worlds, hosts, mask)
        recorded = {name: secret for payload in serving.values() for name, secret in payload.secrets.items()}
    secrets = environment.complete(project, available, recorded)
    payloads = {name: environment.payload(project, name, secrets) for name in hosts}
    wanted_release = new_release(project, worlds, number=0)
    number = releases.number_for(wanted_release, payloads, hosts.values())
    records = {name: completed(replace(wanted_release, number=number), payloads[name], hosts[name]) for name in hosts}
    local_image = await local_image_for(worlds, hosts, project.image)
    can_build = project.config.build is not None and project.revision.tree is not None
    return make_plan(
        wanted_of(
            project,
            records,
            payloads,
            worlds,
            local_image,
            can_build=can_build,
            retain=project.config.retain,
        ),
        hosts,
    )


def wanted_of(
    project: Project,
    records: Mapping[str, Release],
    payloads: Mapping[str, Payload],
    worlds: Worlds,
    local_image: Image | None,
    *,
    can_build: bool = False,
    retain: int | None = None,
) -> Wanted:
    return Wanted(
        full_name=project.full_name,
        deploy_id=_deploy_id(worlds),
        releases=records,
        payloads=payloads,
        retain=retain,
        removes_images=not project.config.fixed_version,
        local_image=local_image,
        can_build=can_build,
    )


async def carry_out(made: Plan, project: Project, worlds: Worlds, hosts: Hosts, tell: Tell, mask: Mask) -> Outcome:
    clock = next(iter(worlds.values())).clock
    begun = clock.monotonic()
    tell(Planned(service=project.full_name, lines=made.lines))
    failure = await run(made, worlds, tell)
    if failure:
        outcome: Outcome = await finish(_failed(failure, made.release, project, worlds, hosts, tell))
    elif made.before_commit:
        outcome = Deployed(release=made.release, seconds=clock.monotonic() - begun)
    else:
        outcome = Unchanged(release=made.release)
    outcome = masked(outcome, mask)
    tell(Ended(service=project.full_name, outcome=outcome))
    if (task := asyncio.current_task()) and task.cancelling():
        raise asyncio.CancelledError
    return outcome


async def _failed(
    failure: Failure, release: Release, project: Project, worlds: Worlds, before: Hosts, tell: Tell
) -> Failed:
    """Looks again at what is true, instead of trusting that all was taken back."""
    serving: tuple[Serving, ...] = ()
    restored: bool | None = None
    try:
        after = await observe_all(project, worlds, None)
    except ShipperError as blind:
        tell(Warned(text=f"What serves now cannot be found out: {blind.what}"))
    else:
        serving = tuple(serving_of(after))
        restored = all(
            (container := after[name].serving(role_name)) is not None and container.id == old.id
            for name, host in before.items()
            for role_name, old in host.serving_all().items()
        )
    error = failure.error
    place = " ".join(filter(None, (failure.step.name, failure.step.role_name, f"on {failure.step.host_name}")))
    return Failed(
        step=place,
        reason=error.what if isinstance(error, ShipperError) else "interrupted",
        logs=error.logs if isinstance(error, GateFailed) else (),
        serving=serving,
        restored=restored,
        next=(error.next if isinstance(error, ShipperError) else "") or _next_command(failure, restored, release),
        error_code=error.exit_code if isinstance(error, ShipperError) else 130,
    )


def _next_command(failure: Failure, restored: bool | None, release: Release) -> str:
    if not restored:
        return "shipper status shows what runs; shipper rollback makes an earlier release serve."
    if isinstance(failure.error, GateFailed):
        return f"shipper logs --role {failure.step.role_name} --release {release.number} shows all that it wrote."
    return "The same command again goes on from what is true then."


async def observe_all(project: Project, worlds: Worlds, image_name: str | None) -> dict[str, Observed]:
    async with task_group() as looking:
        tasks = [
            looking.create_task(observe(world, image_name=image_name, network_name=project.full_name))
            for world in worlds.values()
        ]
    return {task.result().host_name: task.result() for task in tasks}


def serving_of(hosts: Hosts) -> Iterator[Serving]:
    """One line for each role of each host."""
    for host in hosts.values():
        for role_name in dict.fromkeys(container.role_name for container in host.containers):
            yield Serving(host_name=host.host_name, role_name=role_name, container=host.serving(role_name))


async def local_image_for(worlds: Worlds, hosts: Hosts, image_name: str) -> Image | None:
    """Not asked for where all hosts have the image: a machine that rolls back needs no Docker of its own."""
    if all(host.image for host in hosts.values()):
        return None
    return await next(iter(worlds.values())).images.find(image_name)


def new_release(project: Project, worlds: Worlds, *, number: int) -> Release:
    return Release(
        number=number,
        version=project.version,
        image=project.image,
        image_id="",
        config_hash=releases.config_hash(project.config),
        env_hash="",
        env_salt="",
        replaces=None,
        performer=project.performer,
        begun_at=_now(worlds),
    )


def completed(release: Release, payload: Payload, host: Observed) -> Release:
    """The record of the release that the host has, or the one that it will get."""
    if existing := host.release(release.number):
        return existing
    salt = random.token_hex(8)
    serving = host.serving_release
    return replace(
        release,
        env_salt=salt,
        env_hash=releases.env_hash(payload, salt),
        replaces=serving.number if serving else None,
    )


async def serving_payloads(worlds: Worlds, hosts: Hosts, mask: Mask) -> dict[str, Payload]:
    found = {}
    for name, host in hosts.items():
        if (release := host.serving_release) and (payload := await worlds[name].state.payload(release.number)):
            mask.add(payload.secrets.values())
            found[name] = payload
    return found


async def available_secrets(project: Project, mask: Mask) -> Env:
    available = await environment.available_secrets(project)
    mask.add(available.values())
    return available


def _now(worlds: Worlds) -> datetime:
    return next(iter(worlds.values())).clock.now()


def _deploy_id(worlds: Worlds) -> str:
    """Seconds in base 36: short, and sorted by time."""
    seconds, digits = int((_now(worlds) - _EPOCH).total_seconds()), ""
    while seconds:
        seconds, digit = divmod(seconds, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits.zfill(6)  # enough until 2095
