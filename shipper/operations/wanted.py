"""What shall serve, as the project says now: a release with what each host gets of it."""

import secrets as random
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from shipper.config.parts import HookName
from shipper.env import environment
from shipper.env.mask import Mask
from shipper.events import Tell, Warned
from shipper.images.sources import sources_for
from shipper.model.observed import Observed
from shipper.model.release import Payload, Release, ReleaseOutcome
from shipper.model.secret import Env
from shipper.observe import Hosts, Worlds, now
from shipper.operations.precautions import warn_of_accessories, warn_of_dirt, warn_of_left_out
from shipper.planning import releases
from shipper.planning.facts import facts_of
from shipper.planning.hashes import config_hash, env_hash
from shipper.planning.hooks import hook
from shipper.planning.image_plan import Sources, refuse_another_image
from shipper.planning.wanted import Wanted
from shipper.project import Project
from shipper.tasks import together

_PLANNED_HOOKS: tuple[HookName, ...] = ("pre-build", "pre-deploy", "post-deploy", "pre-rollback", "post-rollback")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


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
    warn_of_accessories(project.config, hosts, tell)
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
        config_hash=config_hash(project.config),
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
        env_hash=env_hash(payload, salt),
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


def new_deploy_id(now: datetime, hosts: Hosts) -> str:
    """Seconds in base 36: short, and sorted by time; later than all there are, though clocks differ."""
    there = [int(c.deploy_id, 36) for host in hosts.values() for c in host.containers if c.deploy_id.isalnum()]
    seconds, digits = max(int((now - _EPOCH).total_seconds()), max(there, default=0) + 1), ""
    while seconds:
        seconds, digit = divmod(seconds, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits.zfill(6)  # enough until 2095
