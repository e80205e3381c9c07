"""From a call to its exit code: it is run to its end, or interrupted once, and what became of it is told."""

import asyncio
import contextlib
import gc
import signal
import sys
from asyncio.log import logger as asyncio_log
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import shipper
from shipper.cli.options import Options
from shipper.cli.reporting import reporter

if TYPE_CHECKING:
    from shipper import Event, Outcome

Result = TypeVar("Result")


def run_reported(call: "Callable[..., Coroutine[Any, Any, Outcome]]", options: Options) -> None:
    """Runs a deploy, a rollback, a restart … to its outcome, which is told as an event even if it is interrupted."""
    outcomes: list[Outcome] = []

    with reporter(options) as report:

        def tell(event: "Event") -> None:
            if isinstance(event, shipper.Ended):
                outcomes.append(event.outcome)
            report(event)

        with contextlib.suppress(asyncio.CancelledError):  # what became of it was told by an Ended event
            run(call(tell=tell))
    if not outcomes:
        print("interrupted before anything was begun", file=sys.stderr)
    sys.exit(outcomes[0].exit_code if outcomes else 130)


def run(call: Coroutine[Any, Any, Result], *, stopping: str = "stopping at the next safe point …") -> Result:
    """Runs to the end; Ctrl-C, SIGTERM or a lost terminal cancel once: what was begun is taken back or finished."""
    gc.freeze()
    gc.enable()
    asyncio_log.setLevel("ERROR")  # it warns of bytes for a connection that we have left, as if anybody missed them

    async def cancellable() -> Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task

        def stop() -> None:
            if not task.cancelling():
                task.cancel()
                if stopping:
                    with contextlib.suppress(OSError):  # the terminal may be gone
                        print(stopping, file=sys.stderr)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop)
        return await call

    return asyncio.run(cancellable())
