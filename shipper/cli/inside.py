"""What goes on inside containers: what they write, and commands that are run in them."""

import functools
import json
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

import shipper
from shipper.cli.options import Command, Options, shared_options
from shipper.cli.printing import harmless_json, harmless_on, has_colours
from shipper.cli.reporting import beside_result
from shipper.cli.running import run

if TYPE_CHECKING:
    from shipper import LogLine, Project, Terminal


def _pattern(context: click.Context, parameter: click.Parameter, given: str | None) -> "re.Pattern[str] | None":
    try:
        return re.compile(given) if given is not None else None
    except re.error as error:
        raise click.BadParameter(f"{given!r}: {error}") from None


def printer(
    options: Options, project: "Project", names: "Sequence[str]", *, follow: bool
) -> "Callable[[LogLine], None]":
    """Prints lines of these roles, or of this accessory."""
    from shipper.reporters.log_lines import LogPrefixes, log_line_json

    coloured = has_colours() and not options.as_json
    shown = LogPrefixes(names, project.hosts, coloured=coloured)

    harmless = harmless_on(sys.stdout)

    def show(line: "LogLine") -> None:
        text = harmless_json(json.dumps(log_line_json(line))) if options.as_json else harmless(shown(line))
        print(text, flush=follow)

    return show


_LOG_OPTIONS = (
    click.option("-f", "--follow", is_flag=True, help="Go on with what is written, also by containers started later."),
    click.option("--since", metavar="TIME", help="From so long ago (30s, 10m, 2h), or from a time (2026-03-01T12:00)."),
    click.option(
        "-n", "--lines", type=click.IntRange(min=0), help="How many lines of each container: 100, or all with --since."
    ),
    click.option("--grep", metavar="REGEX", callback=_pattern, help="Only lines that match; -n counts these."),
)


def log_options(command: Command) -> Command:
    """Which lines, and whether it goes on."""
    return functools.reduce(lambda wrapped, option: option(wrapped), reversed(_LOG_OPTIONS), command)


@click.command()
@log_options
@click.option("--release", "release_number", type=int, help="Of this release, though it serves no more or never did.")
@shared_options
def logs(
    options: Options,
    follow: bool,
    since: str | None,
    lines: int | None,
    grep: "re.Pattern[str] | None",
    release_number: int | None,
) -> None:
    """Print what containers wrote last, on all hosts, by time.

    These are the containers that run, and the newest of each role, be it that it failed or was stopped; with --release
    also what its release commands wrote. r7 before a line is its release. Secrets of the releases are masked. -f ends
    with Ctrl-C, and then with exit code 130.

    \b
      shipper logs -f                         all that is written from now on
      shipper logs --since 10m --grep ERROR   errors of the last ten minutes
      shipper logs --role web --release 7     of a release that failed, say
    """
    project = options.project()
    moment = shipper.since_of(since, datetime.now(UTC)) if since is not None else None
    call = shipper.logs(
        project,
        show=printer(options, project, tuple(project.config.roles), follow=follow),
        release_number=release_number,
        since=moment,
        last=100 if lines is None and since is None else lines,
        grep=grep,
        follow=follow,
        tell=beside_result(options),
    )
    run(call, stopping="")


def terminal_for(with_terminal: bool | None, command: tuple[str, ...]) -> "Terminal | None":
    """That which a command is to have, as -t and -T say."""
    from shipper.cli.console import own_terminal

    terminal = own_terminal() if with_terminal is not False else None
    if with_terminal and not terminal:
        raise click.UsageError("-t needs a terminal as standard input and output")
    if not command and not terminal:
        raise click.UsageError("without a terminal there must be a COMMAND")
    return terminal


@click.command("exec", context_settings={"allow_interspersed_args": False})
@click.option("--release", "release_number", type=int, help="In a container of this release instead of what serves.")
@click.option("--new", is_flag=True, help="In a fresh container, which is removed afterwards.")
@click.option("-t/-T", "with_terminal", default=None, help="With a terminal or without; else as there is one here.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@shared_options
def execute(
    options: Options, release_number: int | None, new: bool, with_terminal: bool | None, command: tuple[str, ...]
) -> None:
    """Run a COMMAND in the container that serves, or in a fresh one.

    At a terminal, a shell if there is no COMMAND.

    With several roles, say --role; it is on the first host of the role, unless you say --host. With --new it runs in
    a fresh container with the env, files and volumes of the release, which serves nobody. The exit code is the
    command's. Put -- before a COMMAND that has options.

    Without a terminal, standard input goes to the command, and its output and errors are kept apart. All is passed on
    as it stands: what the command prints is not masked, be it a secret. Ctrl-C, or a terminal that closes, ends the
    command too; in the container that serves this needs a shell with grep there.

    \b
      shipper exec                              a shell
      shipper exec --role web -- ls -l /data    one command
      shipper exec --new -- rails console       not in the container that serves
      shipper exec -- pg_dump > dump.sql        without a terminal
    """
    from shipper.cli.console import StandardStreams

    terminal = terminal_for(with_terminal, command)
    call = shipper.execute(
        options.project(),
        command or ("sh",),
        StandardStreams(terminal),
        new=new,
        release_number=release_number,
        tell=beside_result(options, end="\r\n" if terminal else "\n"),
    )
    click.get_current_context().exit(run(call, stopping="" if terminal else "stopping it …"))
