"""Events, as they are told on standard output, or beside a result."""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import shipper
from shipper.cli.github_job import in_github, summarize
from shipper.cli.options import Options
from shipper.cli.printing import discard_output, harmless_json, harmless_on, say

if TYPE_CHECKING:
    from shipper import Event


def beside_result(options: Options, *, end: str = "\n") -> "Callable[[Event], None]":
    """For commands whose result is on standard output: what there is to say beside it goes to standard error."""
    from shipper.reporters.plain import PlainReporter

    report = PlainReporter(functools.partial(say, end=end), verbose=options.verbose, quiet=options.quiet)
    return lambda event: None if isinstance(event, shipper.Connected) and not options.verbose else report(event)


@contextlib.contextmanager
def reporter(options: Options) -> "Iterator[Callable[[Event], None]]":
    """For commands whose events are what there is to say."""

    def write(line: str) -> None:
        print(line, flush=True)

    if options.as_json:
        from shipper.reporters.jsonlines import JsonReporter

        yield _undisturbed(JsonReporter(lambda line: write(harmless_json(line)), verbose=options.verbose))
    elif in_github():
        from shipper.reporters.github import GithubReporter

        with GithubReporter(write, summarize, verbose=options.verbose, quiet=options.quiet) as grouped:
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


def _undisturbed(report: "Callable[[Event], None]") -> "Callable[[Event], None]":
    """That nobody reads it any more, or that its disk is full, is no reason to break off a deploy half-way."""

    def tell(event: "Event") -> None:
        try:
            report(event)
        except OSError:
            discard_output()

    return tell
