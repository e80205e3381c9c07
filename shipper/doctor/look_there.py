"""Looks at one server for `shipper doctor`: all that can be read, each part on its own, and nothing is changed."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from shipper.doctor.checks.facts import Disk, Docker, Machine, Past, Seen
from shipper.doctor.checks.told import disk_of, docker_of, machine_of
from shipper.doctor.look_at_way import look_at_forwarding, look_at_way
from shipper.errors import AccessDenied, ConnectError, DockerUnavailable, HostError, ShipperError
from shipper.hosts.host import SshHost
from shipper.hosts.journal import lacks_outcome
from shipper.hosts.records import ROOT
from shipper.hosts.session import Reached
from shipper.model.container import Container
from shipper.model.image import Image
from shipper.model.release import Release, ReleaseOutcome
from shipper.observe import stopped_roles
from shipper.project import Project
from shipper.tasks import task_group, together
from shipper.world import World

Result = TypeVar("Result")

# Reads only, and no lock: `flock` would be in the way of a deploy that begins just now
LOOK = rf"""
section() {{ printf '@%s\n' "$1"; }}
describe() {{ [ ! -d "$1" ] || printf '%s %s\n' "$(stat -c '%a %U %G' "$1")" "$(usable "$1" && echo yes || echo no)"; }}
usable() {{ [ -r "$1" ] && [ -w "$1" ] && [ -x "$1" ]; }}
section user; id -un
section missing
for program in cat chgrp chmod df flock grep kill mkdir mv rm sed sh sync tail timeout; do
  command -v "$program" >/dev/null || echo "$program"
done
section root; describe {ROOT}
section parent; [ ! -w /var/lib ] || echo writable
section state; describe "$1"
section closed
for path in "$1/lock" "$1/journal"; do [ ! -e "$path" ] || [ -w "$path" ] || echo "$path"; done
for path in "$1/releases" "$1/releases"/*; do [ ! -e "$path" ] || usable "$path" || echo "$path"; done
section memory; grep -E '^Mem(Total|Available):' /proc/meminfo
section boot; [ ! -d /run/systemd/system ] || systemctl is-enabled docker 2>&1
section journal; tail -n 1 "$1/journal" 2>/dev/null
section listening; cd /proc/net
grep -E ': [0-9A-F]+:[0-9A-F]+ [0-9A-F]+:[0-9A-F]+ (0A|07) ' ./tcp ./tcp6 ./udp ./udp6 2>/dev/null
:
"""
_DISK = 'df -Pk "$1" && df -Pi "$1"'


async def look_there(project: Project, there: Reached) -> Seen:
    """What could not be looked at is among its failures."""
    world, server = there.world, there.link.server
    failures: dict[str, ShipperError] = {}

    async def attempt(name: str, part: Coroutine[Any, Any, Result]) -> Result | None:
        try:
            return await part
        except ShipperError as error:
            if error.what not in {other.what for other in failures.values()}:
                failures[name] = error
            return None

    async with task_group() as looking:
        told = looking.create_task(attempt("server", _machine(project, server)))
        holding = looking.create_task(attempt("lock", world.journal.holder()))
        docker = looking.create_task(attempt("docker", _docker(project, there)))
        found = looking.create_task(attempt("containers", _containers(project, world)))
        forwarding = looking.create_task(attempt("forwarding", look_at_forwarding(project, server)))
    machine, there_is = told.result(), found.result() or _Found()
    async with task_group() as looking:
        past = looking.create_task(attempt("records", _past(there_is.containers, world)))
        registry = looking.create_task(attempt("registry", _registry(project, world)))
        disks = looking.create_task(attempt("disk", _disks(docker.result(), server)))
    if "docker" in failures:
        failures = {name: error for name, error in failures.items() if name not in ("containers", "registry")}
    led = forwarding.result()
    return Seen(
        host_name=world.host_name,
        config=project.config,
        full_name=project.full_name,
        role_names=_roles(project, world.host_name),
        now=world.clock.now(),
        machine=machine,
        holder=holding.result(),
        is_unfinished=machine is not None and lacks_outcome(machine.last_entry),
        docker=docker.result(),
        containers=there_is.containers,
        accessories=None if project.role_names else there_is.accessories,
        image=there_is.image,
        serving_size=there_is.serving_size,
        past=past.result(),
        way=await attempt("way", look_at_way(there, led)) if led else None,
        registry=registry.result() or "",
        disks=disks.result() or (),
        failures=failures,
    )


def _roles(project: Project, host_name: str) -> tuple[str, ...]:
    """Those of this host that are meant."""
    roles = project.config.roles.items()
    return tuple(name for name, role in roles if host_name in role.hosts and project.means_role(name))


async def _machine(project: Project, server: SshHost) -> Machine:
    finished = await server.run(LOOK, f"{ROOT}/{project.full_name}", doing="look at the server")
    return machine_of(finished.output)


async def _docker(project: Project, there: Reached) -> Docker:
    try:
        api = await asyncio.shield(there.link.docker)
        answers = await together(
            {
                "version": api.call("version", lambda client: client.version()),
                "info": api.call("info", lambda client: client.info()),
                "containers": api.call("containers of all", lambda client: client.containers()),
            }
        )
    except DockerUnavailable:
        raise
    except ConnectError as error:
        raise DockerUnavailable(
            f"Docker gives no answer: {error.what.removeprefix(f'{there.link.server.name}: ')}",
            next="If it hangs, as root there: journalctl -u docker -n 50, then systemctl restart docker",
        ) from None
    return docker_of(answers["version"], answers["info"], answers["containers"], project.full_name)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What Docker has of the service."""

    containers: tuple[Container, ...] | None = None
    accessories: tuple[Container, ...] | None = None
    image: Image | None = None
    serving_size: int = 0


async def _containers(project: Project, world: World) -> _Found:
    async with task_group() as reading:
        listing = reading.create_task(world.engine.containers())
        # without a commit or a tag there is no name to ask for
        wanted = reading.create_task(world.engine.image(project.image)) if project.version else None
    containers = tuple(container for container in listing.result() if not container.accessory)
    serving = {container.image_id for container in containers if container.is_running}
    images = await together({image_id: world.engine.image(image_id) for image_id in serving})
    largest = max((image.size for image in images.values() if image), default=0)
    return _Found(
        containers=containers,
        accessories=tuple(container for container in listing.result() if container.accessory),
        image=wanted.result() if wanted else None,
        serving_size=largest,
    )


async def _past(containers: tuple[Container, ...] | None, world: World) -> Past:
    async with task_group() as reading:
        listing = reading.create_task(world.state.releases())
        freezing = reading.create_task(world.state.freeze())
        asked = any(container.was_stopped for container in containers or ())
        entries = reading.create_task(world.journal.read()) if asked else None
    releases = listing.result()
    marked = {container.release_number for container in containers or () if container.has_mark}
    recorded = marked & {release.number for release in releases}
    # what a failed deploy left, nobody goes back to; and without Docker nobody can say what it has
    served = [release for release in releases if release.outcome is ReleaseOutcome.DEPLOYED and containers is not None]
    async with task_group() as reading:
        payload = reading.create_task(world.state.payload(max(recorded))) if recorded else None
        has_image = reading.create_task(together({release.number: _has_image(release, world) for release in served}))
    serving = payload.result() if payload else None
    return Past(
        releases=releases,
        absent_images=tuple(number for number, has in has_image.result().items() if not has),
        secret_names=frozenset(serving.secrets if serving else ()),
        freeze=freezing.result(),
        stopped_roles=stopped_roles(entries.result()) if entries else frozenset(),
    )


async def _registry(project: Project, world: World) -> str:
    """What it says of the wanted image, asked by the server; nothing where the config has none."""
    if not (world.registry and project.version):
        return ""
    try:
        return "has" if await world.registry.find(project.image, world) else "lacks"
    except AccessDenied:
        if not project.can_build:
            raise
        return "denies"


async def _has_image(release: Release, world: World) -> bool:
    return await world.engine.image(release.image_id or release.image) is not None


async def _disks(docker: Docker | None, server: SshHost) -> tuple[Disk, ...]:
    """Docker's, and that of the records if it is another one."""
    found = []
    for folder in ([docker.folder] if docker else []) + ["/var/lib"]:
        finished = await server.run(_DISK, folder, doing="df")
        if not (disk := disk_of(folder, finished.output)):
            raise HostError(f"{server.name}: df {folder} said nothing: {finished.errors.strip()}")
        found.append(disk)
    same = len(found) == 2 and (found[0].size, found[0].free) == (found[1].size, found[1].free)
    return tuple(found[:1] if same else found)
