"""What all commands share: options, the way from a call to its exit code, and what is printed."""

import asyncio
import contextlib
import functools
import gc
import io
import json
import os
import shutil
import signal
import sys
from asyncio.log import logger as asyncio_log
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

import shipper
from shipper.cli.completing import destinations, host_names, role_names
from shipper.reporters.printable import printable

if TYPE_CHECKING:
    from shipper import Event, Outcome, Project
    from shipper.reporters.tables import Row

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was given for the options that mean the same for all commands."""

    config_file: str
    destination: str | None
    host_names: tuple[str, ...]
    role_names: tuple[str, ...]
    as_json: bool
    quiet: bool
    verbose: bool
    yes: bool

    def project(
        self,
        revision: str | None = None,
        *,
        from_ci: bool = False,
        digest: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> "Project":
        """The project of this folder; `variables` count beside those of the environment."""
        return shipper.open_project(
            config_file=self.config_file,
            destination=self.destination,
            revision=revision,
            digest=digest,
            hosts=self.host_names,
            roles=self.role_names,
            environ={**os.environ, **(variables or {})},
            from_ci=from_ci,
        )

    def confirm(self, question: str) -> None:
        """Asks, unless that was answered by --yes. Raises UsageError if the answer is no, or nobody is there to ask."""
        if self.yes:
            return
        if not sys.stdin.isatty():
            raise shipper.UsageError(
                "This asks before it does anything, and there is no terminal to ask on.",
                now="Nothing was done.",
                next="Say --yes if it is meant.",
            )
        if not click.confirm(question, err=True):
            raise shipper.UsageError("You said no.", now="Nothing was done.")


_SHARED = (
    click.option("-c", "--config-file", default="config/deploy.yaml", show_default=True, help="The config."),
    click.option(
        "-d",
        "--destination",
        metavar="NAME",
        shell_complete=destinations,
        help="Lay deploy.NAME.yaml over the config.",
    ),
    click.option(
        "--host",
        "host_names",
        metavar="HOST",
        multiple=True,
        shell_complete=host_names,
        help="Only this host; may be repeated.",
    ),
    click.option(
        "--role",
        "role_names",
        metavar="ROLE",
        multiple=True,
        shell_complete=role_names,
        help="Only this role; may be repeated.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines."),
    click.option("-q", "--quiet", is_flag=True, help="Print only the result, and what goes wrong."),
    click.option("-v", "--verbose", is_flag=True, help="Print every call with its milliseconds."),
    click.option("-y", "--yes", is_flag=True, help="Ask nothing: the answer is yes."),
)


def shared_options(command: Command) -> Command:
    """Gives a command the options that mean the same for all, as its first argument: an `Options`."""

    @functools.wraps(command)
    def with_options(**given: Any) -> Any:
        shared = {name: given.pop(name) for name in Options.__dataclass_fields__}
        return command(Options(**shared), **given)

    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_SHARED), with_options)  # type: ignore[return-value]  # click's decorators keep the type


wait_option = click.option(
    "--wait",
    type=float,
    is_flag=False,
    flag_value=900.0,
    default=0.0,
    metavar="[SECONDS]",
    help="Wait for another deploy that is under way, 15 minutes if no number is given.",
)


from_ci_option = click.option(
    "--from-ci", is_flag=True, help="Of the commit that this run of CI is about, whatever the job left in the folder."
)


def beside_result(options: Options, *, end: str = "\n") -> "Callable[[Event], None]":
    """For commands whose result is on standard output: what there is to say beside it goes to standard error."""
    from shipper.reporters.plain import PlainReporter

    report = PlainReporter(functools.partial(_say, end=end), verbose=options.verbose, quiet=options.quiet)
    return lambda event: None if isinstance(event, shipper.Connected) and not options.verbose else report(event)


def has_colours() -> bool:
    """https://no-color.org"""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _in_github() -> bool:
    """Whether this is a step of a job of GitHub Actions, whose runner reads what is printed."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _summarize(markdown: str) -> None:
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        with (
            contextlib.suppress(OSError),
            Path(file).open("a", encoding="utf-8", errors="replace") as summary,
        ):  # it is said in the log as well
            summary.write(markdown)


def give_to_later_steps(**values: str) -> None:
    """Of the job in GitHub Actions, as outputs of this one; nothing elsewhere. Raises UsageError."""
    if file := os.environ.get("GITHUB_OUTPUT"):
        try:
            with Path(file).open("a", encoding="utf-8") as output:
                output.writelines(f"{name}={value}\n" for name, value in values.items())
        except OSError as error:
            raise shipper.UsageError(f"GITHUB_OUTPUT cannot be written: {file}: {error.strerror}") from None


def harmless_on(stream: TextIO) -> "Callable[[str], str]":
    """Makes of what others wrote, an app or a colleague, what commands neither a terminal nor a runner of GitHub."""
    if _in_github():
        from shipper.reporters.github import harmless

        return harmless
    return printable if stream.isatty() else str


def harmless_json(text: str) -> str:
    """The same JSON, in which a runner of GitHub finds no command: it looks for them in the middle of lines too."""
    return text.replace("##[", r"#\u0023[")


def _say(text: str, end: str = "\n") -> None:
    """On standard error."""
    print(harmless_on(sys.stderr)(text), end=end, file=sys.stderr)


@contextlib.contextmanager
def reporter(options: Options) -> "Iterator[Callable[[Event], None]]":
    """For commands whose events are what there is to say."""

    def write(line: str) -> None:
        print(line, flush=True)

    if options.as_json:
        from shipper.reporters.jsonlines import JsonReporter

        yield _undisturbed(JsonReporter(lambda line: write(harmless_json(line)), verbose=options.verbose))
    elif _in_github():
        from shipper.reporters.github import GithubReporter

        with GithubReporter(write, _summarize, verbose=options.verbose, quiet=options.quiet) as grouped:
            yield _undisturbed(grouped)
    elif sys.stdout.isatty() and not options.quiet:
        from rich.console import Console

        from shipper.reporters.terminal import TerminalReporter

        with TerminalReporter(Console(highlight=False), verbose=options.verbose) as shown:
            yield _undisturbed(shown)
    else:
        from shipper.reporters.plain import PlainReporter

        harmless = harmless_on(sys.stdout)
        plain = PlainReporter(lambda line: write(harmless(line)), verbose=options.verbose, quiet=options.quiet)
        yield _undisturbed(plain)


def mend_streams() -> None:
    """Whoever starts us may have closed them, and not every locale can write all that there is to say."""
    sys.stdin = sys.stdin or Path(os.devnull).open()  # noqa: SIM115  # it stays open
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115  # it stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _undisturbed(report: "Callable[[Event], None]") -> "Callable[[Event], None]":
    """That nobody reads it any more, or that its disk is full, is no reason to break off a deploy half-way."""

    def tell(event: "Event") -> None:
        try:
            report(event)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return tell


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


def print_error(error: shipper.ShipperError) -> None:
    """For people; with `--json` for machines as well."""
    own = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv  # what follows is for another command
    if "--json" in own:
        failed = {"what": error.what, "now": error.now, "next": error.next, "exit_code": error.exit_code}
        print(harmless_json(json.dumps({"event": "error", **failed})))
    if _in_github():
        from shipper.reporters.github import error_commands

        here, checkout = Path.cwd(), Path(os.environ.get("GITHUB_WORKSPACE", "."))
        folder = f"{here.relative_to(checkout)}/" if here.is_relative_to(checkout) and here != checkout else ""
        for line in error_commands(error, folder):
            print(line, file=sys.stderr)
        return
    for label, text in (("error: ", error.what), ("", error.now), ("next: ", error.next)):
        if text:
            _say(f"{label}{text}")


def print_table(rows: "Iterable[Row]", *, titles: int = 1, file: TextIO | None = None) -> None:
    """As wide as it must be; on a terminal no wider than that. See `reporters.tables`."""
    from shipper.reporters.tables import table

    shown = harmless_on(file or sys.stdout)
    for lines in table(list(rows), titles=titles, width=width()):
        for line in lines:
            print(shown(line), file=file)


def print_styled(lines: "Iterable[tuple[str, str]]") -> None:
    """Lines, each with the style that it has on a terminal."""
    shown = harmless_on(sys.stdout)
    if not sys.stdout.isatty():
        for line, _ in lines:
            print(shown(line))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for line, style in lines:
        console.print(Text(shown(line), style=style))


def width() -> int | None:
    """Of the terminal; None where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_json(value: object) -> None:
    print(harmless_json(json.dumps(shipper.as_json(value))), flush=True)
