"""The story of `shipper doctor`: look here and at each host, side by side → what each check says."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from shipper.doctor.checks import (
    HERE,
    Finding,
    docker,
    failed,
    here,
    judged,
    machine,
    ok,
    service,
    settings,
    warning,
    way,
)
from shipper.doctor.checks.facts import Seen
from shipper.doctor.checks.here import Here
from shipper.doctor.checks.settings import Meant
from shipper.doctor.look_here import look_here
from shipper.doctor.look_there import look_there
from shipper.env.mask import masking
from shipper.errors import ConfigError, ShipperError, SourceError, Unproven
from shipper.events import Event, Tell, Warned
from shipper.hosts.session import reached
from shipper.operations.deployment import ignore
from shipper.operations.previews import plan_deploy
from shipper.project import Project
from shipper.tasks import task_group, together

_AT_ONCE = 16  # hosts: each takes some thirty of the files that a process may have open
_PATIENCE = 10.0  # seconds for one call: who looks at 3 a.m. would rather hear that there is no answer

_MEND = "Mend it, and look again: shipper doctor"
_THERE = (*way.CHECKS, *docker.CHECKS, *machine.CHECKS, *service.CHECKS)

Hosts = Mapping[str, Seen | ShipperError]


async def diagnose(open_project: Callable[[], Project], *, tell: Tell = ignore) -> tuple[Finding, ...]:
    """What is well and what is not, here and on each host that is meant, with how to mend it. Changes nothing.

    A config or a Git that `open_project` trips over is a finding as well, and a host that cannot be reached hides no
    other. Raises UsageError.
    """
    try:
        project = _patient(open_project())
    except (ConfigError, SourceError) as error:
        check = "config" if isinstance(error, ConfigError) else "checkout"
        return (failed(HERE, check, error, otherwise=_MEND),)
    with masking(_without_warnings(tell)) as (tell, mask):
        seats = asyncio.Semaphore(min(_AT_ONCE, project.config.rollout.max_parallel))
        async with task_group() as looking:
            here_seen = looking.create_task(look_here(project, mask))
            hosts_seen = looking.create_task(
                together({name: _look(project, name, seats, tell) for name in project.hosts})
            )
            unproven = looking.create_task(_unproven(project, tell))
        hosts = hosts_seen.result()
        findings = [
            *_here(project, here_seen.result(), hosts),
            *unproven.result(),
            *_there(here_seen.result(), hosts),
        ]
    return tuple(replace(finding, what=mask(finding.what), next=mask(finding.next)) for finding in findings)


def _patient(project: Project) -> Project:
    timeouts = project.config.timeouts
    timeouts = timeouts.model_copy(update={"call": min(timeouts.call, _PATIENCE)})
    return replace(project, config=project.config.model_copy(update={"timeouts": timeouts}))


def _without_warnings(tell: Tell) -> Tell:
    """What is worth a warning is a finding."""

    def tell_others(event: Event) -> None:
        if not isinstance(event, Warned):
            tell(event)

    return tell_others


async def _look(project: Project, host_name: str, seats: asyncio.Semaphore, tell: Tell) -> Seen | ShipperError:
    async with seats:
        try:
            async with reached(project, tell, (host_name,)) as servers:
                return await look_there(project, servers[host_name])
        except ShipperError as error:
            return error


async def _unproven(project: Project, tell: Tell) -> tuple[Finding, ...]:
    """Whether the image would be refused that a deploy brings: only a plan knows. What else it trips over is told."""
    if not project.config.promote_from:
        return ()
    try:
        proof = (await plan_deploy(project, tell=tell)).proof
    except Unproven as error:
        found = warning(error.what, error.next)
    except ShipperError:
        return ()
    else:
        found = ok(str(proof or "nothing that must be proven elsewhere"))
    return (Finding(host_name=HERE, check="promotion", level=found.level, what=found.what, next=found.next),)


def _here(project: Project, seen: Here, hosts: Hosts) -> Iterator[Finding]:
    reached = [host for host in hosts.values() if isinstance(host, Seen)]
    lacking = tuple(host.host_name for host in reached if not seen.image and host.lacks_image)
    image = seen.image or next((host.image for host in reached if host.image), None)
    yield from judged(HERE, replace(seen, lacking=lacking, image=image), here.CHECKS)
    yield from (failed(HERE, check, error, otherwise=_MEND) for check, error in seen.failures.items())
    yield from judged(HERE, Meant(config=project.config, role_names=seen.role_names), settings.CHECKS)


def _there(seen: Here, hosts: Hosts) -> Iterator[Finding]:
    platform = seen.builder.platform if seen.builder else ""
    for host_name, host in hosts.items():
        if isinstance(host, ShipperError):
            yield failed(host_name, "login", host, otherwise=f"What does `ssh {host_name}` say?")
            continue
        otherwise = f"shipper doctor -v --host {host_name} shows every call"
        yield from (failed(host_name, check, error, otherwise=otherwise) for check, error in host.failures.items())
        yield from judged(host_name, replace(host, absent_secrets=seen.absent_secrets, here_platform=platform), _THERE)
