"""Runs a plan: before the commit, all that was begun is taken back if a step fails; after it, only forward.

Hosts go side by side. An error is not believed at once: the answer may be lost though the step is done, or Docker may
be starting again, so the world is asked what is true before anything is taken back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from shipper.errors import ConnectError, EngineError, HostError, LockLost, ShipperError
from shipper.events import StepUndone, Tell, Warned
from shipper.planning.plan import Lane, Wave
from shipper.steps import HERE, Step
from shipper.tasks import finish, task_group
from shipper.telling import told
from shipper.world import Clock, Report, World

Result = TypeVar("Result")
Work = Callable[[], Coroutine[Any, Any, None]]

_PATIENCE = 20.0  # seconds in which Docker may come back, as systemd starts it again
_PAUSE = 0.5


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The step that failed, and why. What had been done was taken back, as far as that could be."""

    step: Step
    error: ShipperError | asyncio.CancelledError


class Runnable(Protocol):
    """As a Plan is."""

    @property
    def before_commit(self) -> tuple[Wave, ...]: ...
    @property
    def after_commit(self) -> tuple[Wave, ...]: ...
    @property
    def steps(self) -> tuple[Step, ...]: ...
    @property
    def max_parallel(self) -> int: ...
    @property
    def about(self) -> Mapping[str, Any] | None:
        """What each entry of the journal says; None where the journal is told nothing."""

    @property
    def ends_us(self) -> bool: ...


async def run(plan: Runnable, worlds: Mapping[str, World], tell: Tell) -> Failure | None:
    """Each step is told to the journal before it is begun and after it has ended, if the plan wants that."""
    return await _Run(plan, worlds, tell).run()


class _Run:
    def __init__(self, plan: Runnable, worlds: Mapping[str, World], tell: Tell) -> None:
        self._plan = plan
        self._worlds = worlds
        self._tell = tell
        self._inside = next(iter(worlds.values())).inside if plan.ends_us else None
        """Of the container that we run in, where the plan replaces it: else its failure says nothing of that one."""
        self._at_once = asyncio.Semaphore(plan.max_parallel)
        self._begun: list[list[list[Step]]] = []
        """For each wave, and each lane of it: a step that fails may have done a part of its work as well."""
        self._failures: list[Failure] = []

    async def run(self) -> Failure | None:
        try:
            for wave in self._plan.before_commit:
                lanes: list[list[Step]] = [[] for _ in wave]
                self._begun.append(lanes)
                work = [partial(self._forward, lane, begun) for lane, begun in zip(wave, lanes, strict=True)]
                await self._side_by_side(wave, work)
        except BaseException as error:
            try:
                await finish(self._take_back())
            finally:
                if self._inside:  # whatever could not be taken back there: the lease decides
                    self._inside.take_back()
            if isinstance(error, (ShipperError, asyncio.CancelledError)):
                return next(iter(self._failures), Failure(step=self._last_begun, error=error))
            raise  # a bug, but what was begun was taken back
        try:
            await finish(self._do_what_is_left())
        finally:
            if self._inside:
                self._inside.leave()
        return None

    @property
    def _last_begun(self) -> Step:
        """For an interrupt that came between two steps."""
        begun = [step for lanes in self._begun for lane in lanes for step in lane]
        return begun[-1] if begun else self._plan.steps[0]

    async def _side_by_side(self, lanes: Sequence[Sequence[Step]], work: Sequence[Work]) -> None:
        """As many hosts at a time as the plan says. When one lane fails, the others stop at their next safe point."""
        of_host: dict[str, list[Work]] = {}
        for lane, begin in zip(lanes, work, strict=True):
            of_host.setdefault(lane[0].host_name, []).append(begin)
        async with task_group() as going:
            for lanes_there in of_host.values():
                going.create_task(self._on_one_host(lanes_there))

    async def _on_one_host(self, work: Sequence[Work]) -> None:
        async with self._at_once, task_group() as going:
            for begin in work:
                going.create_task(begin())

    async def _forward(self, lane: Lane, begun: list[Step]) -> None:
        for step in lane:
            begun.append(step)
            await self._do(step)

    async def _do(self, step: Step) -> None:
        world = self._world(step)

        async def journaled(report: Report) -> str:
            await self._note("begin", step, world)
            detail = await _done(step, world, report)
            await self._note("end", step, world)
            return detail

        try:
            await told(step, world.clock, self._tell, journaled)
        except (ShipperError, asyncio.CancelledError) as error:
            self._failures.append(Failure(step=step, error=error))
            raise

    async def _note(self, event: str, step: Step, world: World) -> None:
        if self._plan.about is not None:
            await world.journal.append({"event": event, **step.noted, **self._plan.about})

    async def _take_back(self) -> None:
        for lanes in reversed(self._begun):
            begun = [lane for lane in lanes if lane]
            await self._side_by_side(begun, [partial(self._backward, lane) for lane in begun])

    async def _backward(self, begun: Sequence[Step]) -> None:
        for step in reversed(begun):
            world = self._world(step)
            try:
                detail = await _patiently(partial(step.undo, world), world.clock, (ConnectError, EngineError))
            except ShipperError as error:
                self._tell(Warned(text=f"{step.host_name}: taking back `{step.name}` failed: {error.what}"))
            else:
                if detail:
                    place = {"step": step.name, "host_name": step.host_name, "role_name": step.role_name}
                    self._tell(StepUndone(**place, detail=detail))

    async def _do_what_is_left(self) -> None:
        for wave in self._plan.after_commit:
            await self._side_by_side(wave, [partial(self._onward, lane) for lane in wave])

    async def _onward(self, lane: Lane) -> None:
        """The release serves: what fails here is said."""
        for step in lane:
            try:
                await self._do(step)
            except ShipperError as error:
                text = f"{step.host_name}: `{step.name}` failed, {step.if_failed}: {error.what}"
                self._tell(Warned(text=text))

    def _world(self, step: Step) -> World:
        """What is done on this machine needs no server; any world has the verbs for it."""
        return next(iter(self._worlds.values())) if step.host_name == HERE else self._worlds[step.host_name]


async def _done(step: Step, world: World, report: Report) -> str:
    try:
        return await step.do(world, report)
    except LockLost:
        raise
    except (ConnectError, EngineError, HostError):
        if not await _patiently(partial(step.is_done, world), world.clock):
            raise
        return "done, though the answer was lost"


async def _patiently(
    ask: Callable[[], Awaitable[Result]],
    clock: Clock,
    passing: tuple[type[ShipperError], ...] = (ConnectError,),
) -> Result:
    """Tries again what may pass, counted from the first error; a lock that is lost forbids to."""
    deadline: float | None = None
    while True:
        try:
            return await ask()
        except LockLost:
            raise
        except passing:
            deadline = deadline or clock.monotonic() + _PATIENCE
            if clock.monotonic() + _PAUSE > deadline:
                raise
            await clock.sleep(_PAUSE)
