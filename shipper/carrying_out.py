"""Runs a plan to its outcome: what serves then, what went wrong, what to do next."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from shipper.env.mask import Mask
from shipper.errors import EngineError, GateFailed, ShipperError
from shipper.events import Ended, Planned, Tell, Warned, masked
from shipper.hosts.journal import unfinished
from shipper.model.observed import Serving
from shipper.model.outcome import INTERRUPTED, Deployed, Failed, Outcome, Restarted, Started, Stopped, Unchanged
from shipper.model.release import ReleaseOutcome
from shipper.observe import Hosts, Worlds, observe_all, serving_of
from shipper.planning.hooks import hook
from shipper.planning.plan import Plan
from shipper.project import Project
from shipper.runner import Failure, run
from shipper.steps import HERE
from shipper.steps.hook import RunHook
from shipper.steps.release import WriteRelease
from shipper.tasks import finish, together
from shipper.telling import told
from shipper.world import World


async def carry_out(made: Plan, project: Project, worlds: Worlds, hosts: Hosts, tell: Tell, mask: Mask) -> Outcome:
    clock = next(iter(worlds.values())).clock
    begun, begun_at = clock.monotonic(), clock.now()
    tell(
        Planned(
            service=project.full_name,
            lines=made.lines,
            facts=made.facts,
            is_empty=made.is_empty,
            proof=made.proven,
        )
    )
    if not made.is_empty:
        who = {"performer": project.performer, "origin": project.origin}
        what = {"title": made.title, "version": made.releases[0].version if made.releases else ""}
        await _journal(worlds, {"event": "deploy", **made.about, **who, **what})
    failure = await run(made, worlds, tell)
    if failure:
        outcome: Outcome = await finish(_failed(failure, made, project, worlds, hosts, tell))
    else:
        outcome = await finish(_done(made, worlds, clock.monotonic() - begun))
    outcome = masked(outcome, mask)
    if not made.is_empty or unfinished(worlds):
        kind = {"kind": type(outcome).__name__.lower(), "exit_code": outcome.exit_code}
        with suppress(ShipperError):  # what could not be written down is told all the same
            await finish(_journal(worlds, {"event": "outcome", **made.about, **kind}))
    if isinstance(outcome, Failed) and (post := hook(project.config, "post-failure", made.facts, begun_at, outcome)):
        await finish(_after_failure(post, next(iter(worlds.values())), tell))
    tell(Ended(service=project.full_name, outcome=outcome))
    if (task := asyncio.current_task()) and task.cancelling():
        raise asyncio.CancelledError
    return outcome


async def _done(made: Plan, worlds: Worlds, seconds: float) -> Outcome:
    if made.command == "stop":
        return Stopped(role_names=made.role_names, seconds=seconds)
    if made.is_empty:
        return Unchanged(release=made.release)
    if made.command == "restart":
        return Restarted(role_names=made.role_names, releases=made.releases, seconds=seconds)
    if made.command == "start":
        return Started(role_names=made.role_names, releases=made.releases, seconds=seconds)
    image_id = made.release.image_id or await _image_id(made, worlds)
    release = replace(made.release, outcome=ReleaseOutcome.DEPLOYED, image_id=image_id)
    return Deployed(release=release, seconds=seconds)


async def _image_id(made: Plan, worlds: Worlds) -> str:
    """As the record has it; asked for only where the image arrived with this deploy."""
    for step in made.steps:
        if isinstance(step, WriteRelease) and step.release == made.release:
            with suppress(ShipperError):  # what is done is done
                return await step.known_image_id(worlds[step.host_name])
    return ""


async def _journal(worlds: Worlds, entry: Mapping[str, Any]) -> None:
    await together({name: world.journal.append(entry) for name, world in worlds.items()})


async def _after_failure(post: RunHook, world: World, tell: Tell) -> None:
    """In no journal: what became of the deploy stands there already."""
    try:
        await told(post, world.clock, tell, partial(post.do, world))
    except ShipperError as error:
        tell(Warned(text=error.what))


async def _failed(failure: Failure, made: Plan, project: Project, worlds: Worlds, before: Hosts, tell: Tell) -> Failed:
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
            (container := after[name].serving(role_name)) is not None
            and container.id == old.id
            and (container.is_committed or container.restart_policy == old.restart_policy)
            for name, host in before.items()
            for role_name, old in host.serving_all().items()
        )
    error = failure.error
    where = "here" if failure.step.host_name == HERE else f"on {failure.step.host_name}"
    place = " ".join(filter(None, (failure.step.name, failure.step.role_name, where)))
    return Failed(
        step=place,
        reason=error.what if isinstance(error, ShipperError) else "interrupted",
        logs=error.logs if isinstance(error, ShipperError) else (),
        serving=serving,
        restored=restored,
        next=(error.next if isinstance(error, ShipperError) else "") or _next_command(failure, restored, made),
        error_code=error.exit_code if isinstance(error, ShipperError) else INTERRUPTED,
    )


def _next_command(failure: Failure, restored: bool | None, made: Plan) -> str:
    if not restored:
        return "shipper status shows what runs; shipper rollback makes an earlier release serve."
    if isinstance(failure.error, GateFailed):
        of_release = f" --release {made.release.number}" if len(made.releases) == 1 else ""
        return f"shipper logs --role {failure.step.role_name}{of_release} shows all that it wrote."
    if isinstance(failure.error, EngineError):
        return "shipper doctor looks for what is in the way, a port that is taken say; then the same command again."
    return "The same command again goes on from what is true then."
