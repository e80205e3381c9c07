"""Runs a plan: step by step before the commit, each taken back if a later one fails; after it, only forward."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shipper.errors import ShipperError
from shipper.events import StepFailed, StepFinished, StepProgressed, StepStarted, StepUndone, Tell, Warned
from shipper.plan import Plan
from shipper.steps import HERE, Step
from shipper.tasks import finish
from shipper.world import Progress, World


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The step that failed, and why. What had been done was taken back."""

    step: Step
    error: ShipperError | asyncio.CancelledError


async def run(plan: Plan, worlds: Mapping[str, World], tell: Tell) -> Failure | None:
    """Each step is in the journal before it is begun and after it has ended."""
    begun: list[Step] = []
    for step in plan.before_commit:
        begun.append(step)  # a step that fails may have done a part of its work: it is taken back as well
        try:
            await _do(step, _world(worlds, step), tell)
        except BaseException as error:
            await finish(_undo_all(begun, worlds, tell))
            if isinstance(error, (ShipperError, asyncio.CancelledError)):
                return Failure(step=step, error=error)
            raise  # a bug, but what was begun was taken back
    await finish(_do_what_is_left(plan.after_commit, worlds, tell))
    return None


async def _do(step: Step, world: World, tell: Tell) -> None:
    place = {"step": step.name, "host_name": step.host_name, "role_name": step.role_name}

    def report(progress: Progress) -> None:
        tell(
            StepProgressed(
                **place, done=progress.done, total=progress.total, unit=progress.unit, detail=progress.detail
            )
        )

    begun = world.clock.monotonic()
    tell(StepStarted(**place, because=step.because))
    try:
        await world.journal.append({"event": "begin", **place})
        detail = await step.do(world, report)
        await world.journal.append({"event": "end", **place})
    except (ShipperError, asyncio.CancelledError) as error:
        reason = error.what if isinstance(error, ShipperError) else "interrupted"
        tell(StepFailed(**place, seconds=world.clock.monotonic() - begun, reason=reason))
        raise
    tell(StepFinished(**place, seconds=world.clock.monotonic() - begun, detail=detail))


async def _undo_all(begun: Sequence[Step], worlds: Mapping[str, World], tell: Tell) -> None:
    for step in reversed(begun):
        try:
            detail = await step.undo(_world(worlds, step))
        except ShipperError as error:
            tell(Warned(text=f"{step.host_name}: taking back `{step.name}` failed: {error.what}"))
        else:
            if detail:
                tell(StepUndone(step=step.name, host_name=step.host_name, role_name=step.role_name, detail=detail))


async def _do_what_is_left(steps: Sequence[Step], worlds: Mapping[str, World], tell: Tell) -> None:
    """The release serves: what fails here is said, and the next deploy tries it again."""
    for step in steps:
        try:
            await _do(step, _world(worlds, step), tell)
        except ShipperError as error:
            tell(Warned(text=f"{step.host_name}: `{step.name}` failed, the next deploy tries again: {error.what}"))


def _world(worlds: Mapping[str, World], step: Step) -> World:
    """What is done on this machine needs no server; any world has the verbs for it."""
    return next(iter(worlds.values())) if step.host_name == HERE else worlds[step.host_name]
