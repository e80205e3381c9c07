"""A rollback: the story of a deploy with a release that was, made anew from its record on the hosts."""

from collections.abc import Mapping
from dataclasses import replace

from shipper import environment, releases
from shipper.deployment import (
    available_secrets,
    completed,
    holding,
    ignore,
    new_release,
    serving_payloads,
    wanted_of,
    warn_of_unfinished,
)
from shipper.errors import ImageError, Irreversible, ReleaseNotFound
from shipper.events import Tell, Warned
from shipper.journal import unfinished
from shipper.mask import Mask, masking
from shipper.model import Env, Image, Observed, Outcome, Payload, Release
from shipper.observe import Hosts, Worlds, observe_all
from shipper.outcome import carry_out
from shipper.plan import make_plan
from shipper.project import Project
from shipper.session import connected
from shipper.sources import sources_for
from shipper.tasks import task_group, together
from shipper.world import World


async def rollback(
    project: Project,
    number: int | None = None,
    *,
    current_env: bool = False,
    force: bool = False,
    wait: float = 0.0,
    tell: Tell = ignore,
) -> Outcome:
    """Makes an earlier release serve again: new containers from its record, with its image, its config and its env.

    Without `number`, the release that served before this one; a second rollback goes one further back. `current_env`
    gives its image and config today's env instead, as a new release. `force` goes back over a release from which there
    is no way back, as its config says; else Irreversible is raised. Raises and returns as `deploy` does.
    """
    with masking(tell) as (tell, mask):
        available = await available_secrets(project, mask) if current_env else {}
        purpose = f"rollback to release {number}" if number else "rollback"
        async with connected(project, tell) as worlds, holding(project, worlds, purpose, wait):
            warn_of_unfinished(worlds, tell)
            hosts = await observe_all(project, worlds, None)
            target = releases.rollback_number(hosts.values(), unfinished(worlds)) if number is None else number
            records = {name: _record(host, target) for name, host in hosts.items()}
            _look_for_barriers(hosts, records, force, tell)
            async with task_group() as reading:
                asked = reading.create_task(
                    together({name: _payload(world, target, mask) for name, world in worlds.items()})
                )
                looked = reading.create_task(
                    together({name: _with_its_image(world, records[name]) for name, world in worlds.items()})
                )
                compared = reading.create_task(serving_payloads(worlds, hosts, mask))
            payloads, images, serving = asked.result(), looked.result(), compared.result()
            for name, (record, image) in images.items():
                _refuse_unproven(name, record, image, payloads[name])
            _warn_of_changed_env(target, payloads, serving, current_env, tell)
            records = {name: record for name, (record, _) in images.items()}
            hosts = {name: replace(host, image=images[name][1]) for name, host in hosts.items()}
            if current_env:
                payloads = _with_todays_env(project, records, payloads, serving, available)
                records = _renumbered(records, payloads, project, worlds, hosts)
            sources = await sources_for(worlds, hosts, next(iter(records.values())).image, mask)
            wanted = wanted_of(project, records, payloads, worlds, hosts, sources, command="rollback")
            return await carry_out(make_plan(wanted, hosts), project, worlds, hosts, tell, mask)


def _look_for_barriers(hosts: Hosts, records: Mapping[str, Release], force: bool, tell: Tell) -> None:
    """Going back over one is refused, or is warned of where it is meant."""
    found = [barrier for name, host in hosts.items() for barrier in releases.barriers_before(host, records[name])]
    crossed = {barrier.release_number: barrier.reason for barrier in found}
    reasons = "; ".join(f"release {number}: {reason}" for number, reason in crossed.items())
    if crossed and not force:
        raise Irreversible(
            f"There is no way back over {reasons}",
            now="Nothing was done: what serves goes on.",
            next="Deploy a version that mends it; if the old one can live with that, the same command with --force.",
        )
    if crossed:
        tell(Warned(text=f"Going back, as --force says, though there is no way back over {reasons}"))


async def _with_its_image(world: World, record: Release) -> tuple[Release, Image | None]:
    """By its id where the tag names another image by now, as tags such as `stable` do, or none."""
    tagged = await world.engine.image(record.image)
    if not record.image_id or (tagged and tagged.id == record.image_id):
        return record, tagged
    if image := await world.engine.image(record.image_id):
        return replace(record, image=record.image_id), image
    if tagged:
        raise ImageError(
            f"{world.host_name}: {record.image} is another image now, and that of release {record.number} is gone.",
            now="Nothing was done.",
        )
    return record, None


def _refuse_unproven(host_name: str, record: Release, image: Image | None, payload: Payload) -> None:
    """A tag that someone else moves names what it names today; a commit's or a digest's image stays what it was."""
    if image or not payload.config.fixed_version or "@" in record.image:
        return
    raise ImageError(
        f"{host_name} no longer has the image of release {record.number}, and {record.image} may be another one now.",
        now="Nothing was done.",
        next=f"Give {record.image} the image of then again (docker pull, docker tag on {host_name}), or deploy.",
    )


def _record(host: Observed, number: int) -> Release:
    record = host.release(number)
    if record is None:
        had = ", ".join(str(release.number) for release in host.releases) or "none"
        raise ReleaseNotFound(
            f"{host.host_name} has no record of release {number}.",
            now=f"It has: {had}. Nothing was done.",
            next="shipper releases lists them; `shipper deploy` of its commit makes that version serve on all hosts.",
        )
    return record


async def _payload(world: World, number: int, mask: Mask) -> Payload:
    payload = await world.state.payload(number)
    if payload is None:
        raise ReleaseNotFound(f"{world.host_name} has no config and env of release {number}.", now="Nothing was done.")
    mask.add(payload.secrets.values())
    return payload


def _warn_of_changed_env(
    target: int,
    payloads: Mapping[str, Payload],
    serving: Mapping[str, Payload],
    current_env: bool,
    tell: Tell,
) -> None:
    changed = {
        name
        for host_name in payloads.keys() & serving.keys()
        for role_name, env in payloads[host_name].env.items()
        for name in environment.changed_names(env, serving[host_name].env.get(role_name, {}))
    }
    if changed and not current_env:
        names = ", ".join(sorted(changed))
        tell(Warned(text=f"Env goes back to that of release {target} as well: {names} (--current-env takes today's)."))


def _with_todays_env(
    project: Project,
    records: Mapping[str, Release],
    payloads: Mapping[str, Payload],
    serving: Mapping[str, Payload],
    available: Env,
) -> dict[str, Payload]:
    recorded = {name: secret for payload in serving.values() for name, secret in payload.secrets.items()}
    secrets = environment.complete(project, available, recorded)
    result = {}
    for host_name, payload in payloads.items():
        as_it_was = replace(project.revision, version=records[host_name].version)
        config = project.config.model_copy(update={"roles": payload.config.roles})
        today = environment.payload(
            replace(project, revision=as_it_was, config=config), host_name, secrets, tuple(payload.env)
        )
        result[host_name] = replace(payload, env=today.env, files=today.files, secrets=secrets)
    return result


def _renumbered(
    records: Mapping[str, Release],
    payloads: Mapping[str, Payload],
    project: Project,
    worlds: Worlds,
    hosts: Hosts,
) -> dict[str, Release]:
    number = releases.next_number(hosts.values())
    new = new_release(project, worlds, number=number)
    return {
        name: replace(
            completed(
                replace(
                    new,
                    version=record.version,
                    image=record.image,
                    config_hash=record.config_hash,
                    irreversible=record.irreversible,
                ),
                payloads[name],
                hosts[name],
            ),
            replaces=record.replaces,
        )
        for name, record in records.items()
    }
