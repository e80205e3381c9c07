"""The story of a deploy: connect → observe → plan → run → outcome."""

import secrets as random
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime

from shipper.config.parts import HookName
from shipper.config.root import Config
from shipper.env import environment
from shipper.env.mask import Mask, masking
from shipper.errors import Frozen, SourceError
from shipper.events import Event, Tell, Warned
from shipper.hosts.journal import lacks_outcome
from shipper.hosts.locks import locked
from shipper.hosts.session import connected
from shipper.images.sources import sources_for
from shipper.model.observed import Observed
from shipper.model.outcome import Outcome
from shipper.model.records import Holder
from shipper.model.release import Payload, Release, ReleaseOutcome, short
from shipper.model.secret import Env
from shipper.notify.notices import notifying
from shipper.observe import Hosts, Worlds
from shipper.operations.comparing import Looked, compared, look, refuse_another_plan
from shipper.operations.upstream import Upstream, upstream_of
from shipper.outcome import carry_out
from shipper.planning import releases
from shipper.planning.deploy_plan import make_plan
from shipper.planning.facts import facts_of
from shipper.planning.hooks import hook
from shipper.planning.image_plan import Sources, refuse_another_image
from shipper.planning.plan import Plan, with_proof
from shipper.planning.wanted import Wanted
from shipper.project import Project
from shipper.steps.migrate import Migrate
from shipper.tasks import task_group, together

_PLANNED_HOOKS: tuple[HookName, ...] = ("pre-build", "pre-deploy", "post-deploy", "pre-rollback", "post-rollback")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


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
            _warn_of_no_way_back(made, tell)
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


async def refuse_if_frozen(worlds: Worlds) -> None:
    for name, freeze in (await together({name: world.state.freeze() for name, world in worlds.items()})).items():
        if freeze and freeze.holds(now(worlds)):
            raise Frozen(
                f"{name}: {freeze.performer} has frozen deploys{freeze.until_text}: {freeze.reason}",
                now="Nothing was done. A rollback is possible all the same.",
                next="shipper unlock lifts the freeze.",
            )


def warn_of_unfinished(worlds: Worlds, tell: Tell) -> None:
    for name, world in worlds.items():
        if lacks_outcome(world.journal.last):
            tell(Warned(text=f"{name}: the deploy before this one did not finish; going on from what is true now."))


def warn_of_dirt(project: Project, tell: Tell) -> None:
    if project.revision.is_dirty:
        tell(Warned(text="The working folder has uncommitted changes: they go with it, marked as dirty."))


def warn_of_left_out(project: Project, config: Config, hosts: Hosts, tell: Tell) -> None:
    """What must not run twice may be on its way here from a host that is not asked."""
    left_out = [name for name in project.config.hosts if name not in project.affected_hosts]
    for role_name, role in config.roles.items():
        arrives = any(name in role.hosts and not host.incumbent(role_name) for name, host in hosts.items())
        if left_out and role.singleton and arrives and project.means_role(role_name):
            others = ", ".join(left_out)
            tell(Warned(text=f"{role_name} must not run twice: see that it does not on {others}, left out by --host."))


def warn_of_migration_elsewhere(made: Plan, project: Project, tell: Tell) -> None:
    """One may run where the commands of `release` have their place, which `--host` leaves out: nobody asks there."""
    for step in made.steps:
        first = project.config.roles[step.role_name].hosts[0] if isinstance(step, Migrate) else None
        if first and first not in project.affected_hosts:
            others = f"{first}, left out by --host"
            tell(Warned(text=f"The commands of `release` run on {step.host_name}: see that none does on {others}."))


def _warn_of_no_way_back(made: Plan, tell: Tell) -> None:
    for reason in made.no_way_back:
        tell(Warned(text=f"From release {made.release.number} there will be no way back: {reason}"))


def require_version(project: Project) -> None:
    if not project.version:
        raise SourceError(
            f"{project.root} is in no Git repository, so there is no commit to name the release after.",
            now="Nothing was done.",
            next="Name the version of an image that exists (shipper deploy VERSION), or give `image` a tag.",
        )


async def wanted_now(project: Project, worlds: Worlds, hosts: Hosts, available: Env, mask: Mask, tell: Tell) -> Wanted:
    warn_of_dirt(project, tell)
    payloads = await payloads_now(project, worlds, hosts, available, mask, tell)
    wanted_release = new_release(project, worlds, number=0)
    number = releases.number_for(wanted_release, payloads, hosts.values(), project.role_names)
    numbered = replace(wanted_release, number=number)
    records = {name: completed(project, numbered, payloads[name], host) for name, host in hosts.items()}
    changing = {name: hosts[name] for name in project.hosts}
    if project.digest:
        refuse_another_image(project.image, project.digest, changing.values())
    sources = await sources_for(
        worlds, changing, project.image, mask, can_build=project.can_build, digest=project.digest
    )
    warn_of_left_out(project, project.config, hosts, tell)
    return wanted_of(project, records, payloads, worlds, hosts, sources, retain=project.config.retain)


async def payloads_now(
    project: Project, worlds: Worlds, hosts: Hosts, available: Env, mask: Mask, tell: Tell
) -> dict[str, Payload]:
    """What each host would get. Secrets that are absent here are those of the release that serves."""
    recorded: Env = {}
    if available.keys() != project.config.secrets.keys():
        serving = await serving_payloads(worlds, hosts, mask)
        recorded = {name: secret for payload in serving.values() for name, secret in payload.secrets.items()}
    secrets = environment.complete(project, available, recorded)
    if absent := secrets.keys() - available.keys():
        tell(Warned(text=f"Not set here, so taken from the release that serves: {', '.join(sorted(absent))}."))
    return {name: environment.payload(project, name, secrets) for name in hosts}


def wanted_of(
    project: Project,
    records: Mapping[str, Release],
    payloads: Mapping[str, Payload],
    worlds: Worlds,
    hosts: Hosts,
    sources: Sources,
    *,
    retain: int | None = None,
    command: str = "deploy",
) -> Wanted:
    facts = facts_of(project, command, next(iter(records.values())), hosts.values())
    begun = now(worlds)
    return Wanted(
        full_name=project.full_name,
        deploy_id=new_deploy_id(begun, hosts),
        command=command,
        releases=records,
        payloads=payloads,
        retain=retain,
        removes_images=not project.config.fixed_version,
        sources=sources,
        facts=facts,
        hooks={name: made for name in _PLANNED_HOOKS if (made := hook(project.config, name, facts, begun))},
        role_names=project.role_names,
        host_names=project.host_names,
    )


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
        origin=project.origin,
        irreversible=(project.config.release and project.config.release.irreversible) or "",
        begun_at=now(worlds),
    )


def completed(project: Project, release: Release, payload: Payload, host: Observed) -> Release:
    """The record of the release that the host has, or the one that it will get."""
    if existing := host.release(release.number):
        return existing
    salt = random.token_hex(8)
    incumbent = host.incumbent_release_of(project.role_names or host.role_names)
    before = incumbent.number if incumbent else None
    if incumbent and incumbent.outcome is not ReleaseOutcome.DEPLOYED:
        before = incumbent.replaces  # what a deploy that died had swapped to is nothing to go back to
    return replace(
        release,
        env_salt=salt,
        env_hash=releases.env_hash(payload, salt),
        replaces=before,
    )


async def serving_payloads(
    worlds: Worlds, hosts: Hosts, mask: Mask, role_names: Collection[str] = ()
) -> dict[str, Payload]:
    """Of the newest release that serves, in these roles if any are named; that of the host that is ahead comes last."""
    serving = {
        name: release.number
        for name, host in hosts.items()
        if (release := host.incumbent_release_of(role_names or host.role_names))
    }
    ordered = sorted(serving.items(), key=lambda item: item[1])
    read = await together({name: worlds[name].state.payload(number) for name, number in ordered})
    found = {name: payload for name, payload in read.items() if payload}
    for payload in found.values():
        mask.add(payload.secrets.values())
    return found


async def available_secrets(project: Project, mask: Mask) -> Env:
    mask.add(environment.secrets_in_environ(project))
    available = await environment.available_secrets(project)
    mask.add(available.values())
    return available


def now(worlds: Worlds) -> datetime:
    return next(iter(worlds.values())).clock.now()


def new_deploy_id(now: datetime, hosts: Hosts) -> str:
    """Seconds in base 36: short, and sorted by time; later than all there are, though clocks differ."""
    there = [int(c.deploy_id, 36) for host in hosts.values() for c in host.containers if c.deploy_id.isalnum()]
    seconds, digits = max(int((now - _EPOCH).total_seconds()), max(there, default=0) + 1), ""
    while seconds:
        seconds, digit = divmod(seconds, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits.zfill(6)  # enough until 2095
