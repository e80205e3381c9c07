"""Every condition of a deploy."""

import shutil
import sys

import click

import shipper
from shipper.cli.options import Options, shared_options
from shipper.cli.printing import harmless_on, print_json
from shipper.cli.reporting import beside_result
from shipper.cli.running import run

_FOUND_A_PROBLEM = 40
_COLOURS = {"problem": "red", "warning": "yellow", "note": "cyan", "ok": "green"}


@click.command()
@shared_options
def doctor(options: Options) -> None:
    """Check every condition of a deploy, here and on each host, and say how to mend it.

    Changes nothing, takes no lock, and goes on where a host cannot be reached. For before the first deploy, and for
    when something is odd. Ends with exit code 40 if there is a problem; warnings are allowed.

    \b
    shipper doctor                all that is not well; what is, in one line for each host
    shipper doctor -v             everything, with figures
    shipper doctor -q --host web1 only problems and warnings of one host
    """
    waits = sys.stderr.isatty() and not (options.quiet or options.verbose)
    if waits:
        print("looking …", end="", file=sys.stderr, flush=True)
    try:
        findings = run(shipper.diagnose(options.project, tell=beside_result(options)))
    finally:
        if waits:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
    if options.as_json:
        print_json(findings)
    else:
        _print(findings, options)
    if any(finding.level is shipper.Level.PROBLEM for finding in findings):
        sys.exit(_FOUND_A_PROBLEM)


def _print(findings: "tuple[shipper.Finding, ...]", options: Options) -> None:
    from shipper.reporters.findings import finding_lines

    in_terminal, shown = sys.stdout.isatty(), harmless_on(sys.stdout)
    width = shutil.get_terminal_size().columns if in_terminal else 10_000
    for level, line in finding_lines(findings, width, verbose=options.verbose, quiet=options.quiet):
        line = shown(line)
        if in_terminal and level:
            head, word, rest = line.partition(level.value) if line.startswith(f"  {level.value}") else ("", "", line)
            line = head + click.style(word, fg=_COLOURS[level.value], bold=level is shipper.Level.PROBLEM) + rest
        elif in_terminal and not line.startswith(" "):
            line = click.style(line, bold=True)
        print(line)
