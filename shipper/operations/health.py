"""How one host does: what serves there, whether it is well, what it uses; what is left; who may deploy now."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from shipper.accessories.steps import check_of
from shipper.accessories.wanted import Placed, config_hash
from shipper.config.workloads import Role
from shipper.env.mask import Mask
from shipper.errors import ShipperError
from shipper.hosts.usage import Sample, cpu_percent
from shipper.model.container import Container, ContainerState
from shipper.model.observed import Observed
from shipper.model.release import Payload, ReleaseOutcome
from shipper.model.status import HEALTHY, AccessoryStatus, Disk, HostStatus, RoleStatus
from shipper.observe import observe
from shipper.planning.releases import last_deployed
from shipper.planning.strategy import gate_of
from shipper.project import Project
from shipper.steps.check import Check
from shipper.steps.handover import state_of
from shipper.tasks import task_group, together
from shipper.world import World

_APART = 0.1  # seconds between the two looks that a share of the processor is told from


@dataclass
class Eye:
    """What looks at one host, and remembers what it needs for the next look."""

    project: Project
    mask: Mask
    samples: dict[int, Sample] = field(default_factory=dict)
    """The last one of each process."""
    counts: bool = True
    """Whether it tells what processes use, which takes a moment."""


async def look(eye: Eye, world: World) -> HostStatus:
    async with task_group() as reads:
        roles = reads.create_task(look_at_roles(eye, world))
        disk = reads.create_task(disk_of(world))
        holder = reads.create_task(world.journal.holder())
        freeze = reads.create_task(world.state.freeze())
        accessories = reads.create_task(_accessories(eye, world))
    now, frozen = world.clock.now(), freeze.result()
    return HostStatus(
        host_name=world.host_name,
        at=now,
        disk=disk.result(),
        holder=holder.result(),
        freeze=frozen if frozen and frozen.holds(now) else None,
        roles=roles.result(),
        accessories=accessories.result(),
    )


async def disk_of(world: World) -> Disk | None:
    """That on which its Docker keeps images, where the server tells."""
    return await world.host.disk((await world.engine.storage()).folder)


async def look_at_roles(eye: Eye, world: World) -> tuple[RoleStatus, ...]:
    """Those that the config or the last release gives the host, and others that serve there or were stopped."""
    project = eye.project
    async with task_group() as reads:
        looking = reads.create_task(observe(world, image_name=None, network_name=project.full_name))
        reading = reads.create_task(world.state.payloads())
    observed, payloads = looking.result(), reading.result()
    for payload in payloads.values():
        eye.mask.add(payload.secrets.values())
    given = [name for name, role in project.config.roles.items() if world.host_name in role.hosts]
    last = payloads.get(last_deployed(observed))
    expected = last.env if last else given
    there = (name for name in observed.role_names if observed.serving(name) or observed.stopped(name))
    names = [name for name in dict.fromkeys((*given, *expected, *there)) if project.means_role(name)]
    at_work = await together({name: _at_work(world, observed, name, payloads) for name in names})
    serving = {name: container for name, container in at_work.items() if container}
    async with task_group() as reads:
        looking_at = {name: reads.create_task(_health(eye, world, c, payloads)) for name, c in serving.items()}
        using = reads.create_task(_used(eye, world, serving.values()))
    roles = (
        (
            _role(observed, serving[name], looking_at[name].result(), using.result())
            if name in serving
            else _absent(observed, name)
        )
        for name in names
    )
    return tuple(replace(role, expected=role.role_name in expected) for role in roles)


async def _at_work(
    world: World, observed: Observed, role_name: str, payloads: Mapping[int, Payload]
) -> Container | None:
    """What serves. Of several that hand over, since a deploy died between them, the one that says that it is active."""
    marked = [c for c in observed.of_role(role_name) if c.is_running and (c.is_committed or c.is_set_aside)]
    if len(marked) > 1 and all(container.hands_over for container in marked):
        states = await together({c.id: _says(world, c, _role_of(c, payloads)) for c in marked})
        if active := [container for container in marked if states[container.id] == "active"]:
            return active[-1]
    return observed.serving(role_name)


async def _accessories(eye: Eye, world: World) -> tuple[AccessoryStatus, ...]:
    """Those that the config gives the host, and others that are there; none where only roles are meant."""
    config = eye.project.config
    if eye.project.role_names:
        return ()
    there = sorted(await world.engine.accessories(), key=lambda container: container.is_running)
    mine = {container.role_name: container for container in there}  # of two, since a boot died, the one that runs
    given = [name for name in config.accessories if world.host_name in config.accessory_hosts(name)]
    found = {name: _accessory(eye, world, name, mine.get(name)) for name in dict.fromkeys((*given, *mine))}
    return tuple(replace(one, expected=one.name in given) for one in (await together(found)).values())


async def _accessory(eye: Eye, world: World, name: str, container: Container | None) -> AccessoryStatus:
    config = eye.project.config.accessories.get(name)
    changed, health = False, "does not run: it was not booted yet"
    if container and container.state is not ContainerState.RUNNING:
        health = f"{container.state.value}, after exit code {container.exit_code}"
    elif container and config:
        there = Placed(host_name=world.host_name, name=name, config=config, container_name=container.name)
        gate = replace(check_of(there), image_name=container.image_id)
        health = eye.mask(await _answer(gate, world, container))
    elif container:
        health = "runs, and the config does not name it"
    if container and container.accessory and config:
        told = container.accessory
        changed = told.config_hash != config_hash(config) or told.image != config.image
    return AccessoryStatus(
        host_name=world.host_name, name=name, container=container, health=health or HEALTHY, changed=changed
    )


def _role_of(container: Container, payloads: Mapping[int, Payload]) -> Role | None:
    """As its release has it, if the record of that can be read."""
    payload = payloads.get(container.release_number)
    return payload.config.roles.get(container.role_name) if payload else None


def _role(
    observed: Observed,
    container: Container,
    health: tuple[str, str],
    used: Mapping[int, tuple[Sample, Sample]],
) -> RoleStatus:
    first, second = used.get(container.process_id, (None, None))
    release = observed.release(container.release_number)
    return RoleStatus(
        host_name=observed.host_name,
        role_name=container.role_name,
        container=container,
        health=health[0],
        finished=release is None or release.outcome is ReleaseOutcome.DEPLOYED,
        handover=health[1],
        cpu_percent=cpu_percent(first, second) if first and second else None,
        memory=second.memory if second else None,
        memory_limit=second.memory_limit if second else None,
    )


def _absent(observed: Observed, role_name: str) -> RoleStatus:
    host_name = observed.host_name
    if stopped := observed.stopped(role_name):
        return RoleStatus(host_name=host_name, role_name=role_name, container=stopped, health="stopped", stopped=True)
    ended = observed.incumbent(role_name)
    why = "nothing serves"
    if ended:
        memory = ", for want of memory (OOM)" * ended.out_of_memory
        why = f"nothing serves: {ended.name} ended with exit code {ended.exit_code}{memory}"
    return RoleStatus(host_name=host_name, role_name=role_name, container=None, health=why)


async def _health(eye: Eye, world: World, container: Container, payloads: Mapping[int, Payload]) -> tuple[str, str]:
    """By the gate of the release that it is of; and what it says of itself if it hands over."""
    role = _role_of(container, payloads)
    if container.state is not ContainerState.RUNNING:
        return container.state.value + f", after exit code {container.exit_code}" * (container.exit_code != 0), ""
    if not role:
        return f"runs; its gate is not known, as the record of release {container.release_number} cannot be read", ""
    async with task_group() as asking:
        gate = asking.create_task(_gate(world, container, role))
        state = asking.create_task(_says(world, container, role))
    return eye.mask(gate.result()) or HEALTHY, eye.mask(state.result())


async def _gate(world: World, container: Container, role: Role) -> str:
    check = Check(
        host_name=world.host_name,
        role_name=container.role_name,
        container_name=container.name,
        image_name=container.image_id,
        gate=gate_of(role),
    )
    return await _answer(check, world, container)


async def _answer(check: Check, world: World, container: Container) -> str:
    try:
        return await check.look(world, container)
    except ShipperError as error:
        return f"runs; its gate cannot be asked: {error.what}"


async def _says(world: World, container: Container, role: Role | None) -> str:
    with suppress(ShipperError):  # which the gate tells
        return await state_of(world, container, role.handover) if role and role.handover else ""
    return ""


async def _used(eye: Eye, world: World, containers: Collection[Container]) -> dict[int, tuple[Sample, Sample]]:
    """Of each process: its counters when we last looked, or a moment ago, and now."""
    process_ids = [container.process_id for container in containers if container.process_id]
    if not (process_ids and eye.counts):
        return {}
    before = eye.samples
    if not before.keys() >= {*process_ids}:
        begun = world.clock.monotonic()
        before = await world.host.samples(process_ids)
        await world.clock.sleep(max(_APART - (world.clock.monotonic() - begun), 0))
    eye.samples = await world.host.samples(process_ids)
    return {number: (before[number], eye.samples[number]) for number in before.keys() & eye.samples.keys()}
