"""The story of a deploy: connect → observe → plan → run → outcome."""

from contextlib import AbstractAsyncContextManager

from shipper.carrying_out import carry_out
from shipper.env import environment
from shipper.env.mask import Mask, masking
from shipper.events import Event, Tell
from shipper.hosts.locks import locked
from shipper.hosts.session import connected
from shipper.model.outcome import Outcome
from shipper.model.records import Holder
from shipper.model.release import short
from shipper.model.secret import Env
from shipper.notify.notices import notifying
from shipper.observe import Worlds, now
from shipper.operations.comparing import Looked, compared, look, refuse_another_plan
from shipper.operations.precautions import (
    refuse_if_frozen,
    refuse_key_in_git,
    require_version,
    warn_of_migration_elsewhere,
    warn_of_no_way_back,
    warn_of_unfinished,
)
from shipper.operations.upstream import Upstream, upstream_of
from shipper.operations.wanted import wanted_now
from shipper.planning.deploy_plan import make_plan
from shipper.planning.plan import Plan, with_proof
from shipper.project import Project
from shipper.tasks import task_group


def ignore(event: Event) -> None:
    """For those who do not want to hear of events."""


async def deploy(
    project: Project, *, expected: str | None = None, unproven: str = "", wait: float = 0.0, tell: Tell = ignore
) -> Outcome:
    """Makes the project's revision serve on all hosts of its config, or leaves what serves as it is.

    Another deploy of the service is waited for during `wait` seconds; then Locked is raised.
    `expected` is the fingerprint of the plan that somebody confirmed (`plan_deploy` gives it): where another one is to
    be done now, PlanChanged is raised, which has it.
    `unproven` is the reason why an image is deployed that may not be healthy where the config promotes from; without
    it, such a one is refused by Unproven.
    Raises ShipperError before anything was begun; afterwards the outcome says what went wrong. When the task is
    cancelled, what was begun is taken back (or finished, once all hosts have swapped), and the outcome told by an
    `Ended` event, before CancelledError is raised.
    """
    require_version(project)
    refuse_key_in_git(project)
    with masking(tell) as (tell, mask):
        available = await available_secrets(project, mask)
        async with (
            notifying(project, tell, mask) as tell,
            upstream_of(project, unproven, tell, mask) as upstream,
            connected(project, tell, project.affected_hosts) as worlds,
            holding(project, worlds, f"deploy of {short(project.version)}", wait),
        ):
            upstream.look()
            async with task_group() as reading:
                reading.create_task(refuse_if_frozen(worlds))
                looking = reading.create_task(look_for_deploy(project, worlds, mask, compare=expected is not None))
            looked = looking.result()
            warn_of_unfinished(worlds, tell)
            made = await decide_deploy(project, worlds, looked, upstream, available, mask, tell)
            refuse_another_plan(made, expected)
            warn_of_no_way_back(made, tell)
            warn_of_migration_elsewhere(made, project, tell)
            return await carry_out(made, project, worlds, looked.hosts, tell, mask)


async def look_for_deploy(project: Project, worlds: Worlds, mask: Mask, *, compare: bool) -> Looked:
    return await look(project, worlds, mask, project.image, list_images=True, compare=compare)


async def decide_deploy(
    project: Project, worlds: Worlds, looked: Looked, upstream: Upstream, available: Env, mask: Mask, tell: Tell
) -> Plan:
    wanted = await wanted_now(project, worlds, looked.hosts, available, mask, tell)
    made = make_plan(wanted, looked.hosts)
    proven = with_proof(made, await upstream.prove(wanted, looked.hosts))
    return compared(proven, wanted, looked, project, mask)


def holding(project: Project, worlds: Worlds, purpose: str, wait: float) -> AbstractAsyncContextManager[None]:
    """The lock of the service, on all hosts."""
    since = now(worlds).isoformat(timespec="seconds")
    holder = Holder(performer=project.performer, origin=project.origin, since=since, purpose=purpose)
    return locked(worlds, holder, wait=wait)


async def available_secrets(project: Project, mask: Mask) -> Env:
    mask.add(environment.secrets_in_environ(project))
    available = await environment.available_secrets(project)
    mask.add(available.values())
    return available
