"""A step as those see it who are told: begun, how far, ended or failed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from shipper.errors import ShipperError
from shipper.events import StepFailed, StepFinished, StepProgressed, StepStarted, Tell
from shipper.world import Clock, Progress, Report


class Told(Protocol):
    """What is told of a step."""

    @property
    def name(self) -> str: ...
    @property
    def host_name(self) -> str: ...
    @property
    def role_name(self) -> str: ...
    @property
    def because(self) -> str: ...


async def told(step: Told, clock: Clock, tell: Tell, do: Callable[[Report], Awaitable[str]]) -> None:
    """`do` does the step. Raises what it raises."""
    place = {"step": step.name, "host_name": step.host_name, "role_name": step.role_name}

    def report(progress: Progress) -> None:
        tell(
            StepProgressed(
                **place, done=progress.done, total=progress.total, unit=progress.unit, detail=progress.detail
            )
        )

    started = clock.monotonic()
    tell(StepStarted(**place, because=step.because))
    try:
        detail = await do(report)
    except (ShipperError, asyncio.CancelledError) as error:
        reason = error.what if isinstance(error, ShipperError) else "interrupted"
        tell(StepFailed(**place, seconds=clock.monotonic() - started, reason=reason))
        raise
    tell(StepFinished(**place, seconds=clock.monotonic() - started, detail=detail))
