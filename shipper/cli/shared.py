"""What all commands share: options, the way from a call to its exit code, and what is printed."""

import asyncio
import contextlib
import functools
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

import shipper

if TYPE_CHECKING:
    from shipper import Event, Outcome, Project

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])


def options(*wanted: str) -> Callable[[Command], Command]:
    """Options that mean the same for all commands: those of these names."""
    known = {
        "file": click.option(
            "-c", "--config-file", default="config/deploy.yaml", show_default=True, help="The config."
        ),
        "destination": click.option(
            "-d", "--destination", metavar="NAME", help="Lay deploy.NAME.yaml over the config."
        ),
        "json": click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines."),
        "verbose": click.option("-v", "--verbose", is_flag=True, help="Print every call with its milliseconds."),
    }

    def decorated(command: Command) -> Command:
        return functools.reduce(lambda wrapped, name: known[name](wrapped), reversed(wanted), command)

    return decorated


project_options = options("file", "destination", "json", "verbose")

wait_option = click.option(
    "--wait",
    type=float,
    is_flag=False,
    flag_value=900.0,
    default=0.0,
    metavar="[SECONDS]",
    help="Wait for another deploy that is under way, 15 minutes if no number is given.",
)


def opened(config_file: str, destination: str | None, revision: str | None = None) -> "Project":
    """The project of this folder."""
    return shipper.open_project(config_file=config_file, destination=destination, revision=revision, environ=os.environ)


def plain_reporter(verbose: bool) -> "Callable[[Event], None]":
    """For commands whose result is on standard output: what there is to say beside it goes to standard error."""
    from shipper.reporters.plain import PlainReporter

    report = PlainReporter(lambda line: print(line, file=sys.stderr), verbose=verbose)
    return lambda event: None if isinstance(event, shipper.Connected) and not verbose else report(event)


@contextlib.contextmanager
def reporter(as_json: bool, verbose: bool) -> "Iterator[Callable[[Event], None]]":
    """For commands whose events are what there is to say."""

    def write(line: str) -> None:
        print(line, flush=True)

    if as_json:
        from shipper.reporters.jsonlines import JsonReporter

        yield JsonReporter(write, verbose=verbose)
    elif sys.stdout.isatty():
        from rich.console import Console

        from shipper.reporters.terminal import TerminalReporter

        with TerminalReporter(Console(highlight=False), verbose=verbose) as shown:
            yield shown
    else:
        from shipper.reporters.plain import PlainReporter

        yield PlainReporter(write, verbose=verbose)


def run_reported(call: "Callable[..., Coroutine[Any, Any, Outcome]]", as_json: bool, verbose: bool) -> None:
    """Runs a deploy or a rollback to its outcome, which is told as an event even if it is interrupted."""
    outcomes: list[Outcome] = []

    with reporter(as_json, verbose) as report:

        def tell(event: "Event") -> None:
            if isinstance(event, shipper.Ended):
                outcomes.append(event.outcome)
            report(event)

        with contextlib.suppress(asyncio.CancelledError):  # what became of it was told by an Ended event
            run(call(tell=tell))
    if not outcomes:
        print("interrupted before anything was begun", file=sys.stderr)
    sys.exit(outcomes[0].exit_code if outcomes else 130)


def run(call: Coroutine[Any, Any, Result]) -> Result:
    """Runs to the end; Ctrl-C, SIGTERM or a lost terminal cancel once: what was begun is taken back or finished."""
    gc.freeze()
    gc.enable()

    async def cancellable() -> Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task

        def stop() -> None:
            if not task.cancelling():
                task.cancel()
                with contextlib.suppress(OSError):  # the terminal may be gone
                    print("stopping at the next safe point …", file=sys.stderr)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop)
        return await call

    return asyncio.run(cancellable())


def print_error(error: shipper.ShipperError) -> None:
    """For people; with `--json` for machines as well."""
    if "--json" in sys.argv:
        failed = {"what": error.what, "now": error.now, "next": error.next, "exit_code": error.exit_code}
        print(json.dumps({"event": "error", **failed}))
    for label, text in (("error: ", error.what), ("", error.now), ("next: ", error.next)):
        if text:
            print(f"{label}{text}", file=sys.stderr)


def print_table(lines: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
