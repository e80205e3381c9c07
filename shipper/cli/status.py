"""What serves now, once or again and again."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

import shipper
from shipper.cli.options import Options, shared_options
from shipper.cli.printing import harmless_on, print_json, print_styled, width
from shipper.cli.reporting import beside_result
from shipper.cli.running import run

if TYPE_CHECKING:
    from rich.text import Text

    from shipper import HostStatus

Show = Callable[[tuple["HostStatus", ...]], None]


@click.command()
@click.option(
    "--watch",
    "every",
    type=click.FloatRange(min=0.2),
    is_flag=False,
    flag_value=2.0,
    metavar="[SECONDS]",
    help="Look again every so many seconds, 2 if no number is given, until Ctrl-C.",
)
@shared_options
def status(options: Options, every: float | None) -> None:
    """Show what serves on each host, how it does, and what the host has left.

    HEALTH is what the gate of the release says now. CPU is of one processor, MEMORY is without the page cache.
    LOCK says who deploys at this moment. Any exit code but 0 says that a host could not be looked at.
    """
    project, tell = options.project(), beside_result(options)
    if every is None:
        hosts = run(shipper.status(project, tell=tell))
        (print_json if options.as_json else _print)(hosts)
        sys.exit(max(host.exit_code for host in hosts))
    with _watcher(options) as show, contextlib.suppress(asyncio.CancelledError):
        run(shipper.watch_status(project, show, every=every, tell=tell), stopping="")


def _print(hosts: "tuple[HostStatus, ...]") -> None:
    from shipper.reporters.listings import status_lines

    print_styled(status_lines(hosts, datetime.now(UTC), width()))


@contextlib.contextmanager
def _watcher(options: Options) -> Iterator[Show]:
    """On a terminal it is drawn over what was there; else each look is a block, or a line of JSON."""
    if options.as_json:
        yield print_json
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(highlight=False), auto_refresh=False, vertical_overflow="crop") as live:
            yield lambda hosts: live.update(_drawn(hosts), refresh=True)
    else:
        yield lambda hosts: print(f"{_drawn(hosts).plain}\n", flush=True)


def _drawn(hosts: "tuple[HostStatus, ...]") -> "Text":
    from rich.text import Text

    from shipper.reporters.listings import status_lines

    now = datetime.now(UTC)
    lines = [(f"{now:%Y-%m-%d %H:%M:%S} UTC", "dim"), ("", ""), *status_lines(hosts, now, width())]
    shown = harmless_on(sys.stdout)
    return Text("\n").join(Text(shown(line), style=style) for line, style in lines)
