"""What `shipper doctor` found → lines, grouped by host. PURE."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from shipper.doctor.checks import HERE, Finding, Level

_INDENT = " " * 11
Line = tuple[Level | None, str]
"""What it is about, for its colour; None for what has none."""


def finding_lines(findings: Sequence[Finding], width: int, *, verbose: bool, quiet: bool) -> Iterator[Line]:
    """What is well takes one line for each host, unless `verbose`; none if `quiet`."""
    for host_name, found in groupby(findings, key=lambda finding: finding.host_name):
        mine = list(found)
        shown = sorted((finding for finding in mine if finding.level is not Level.OK), key=_worst_first)
        well = [finding for finding in mine if finding.level is Level.OK]
        if quiet:
            shown = [finding for finding in shown if finding.level is not Level.NOTE]
            if not shown:
                continue
        yield None, host_name
        for finding in shown:
            yield from _lines(finding, width)
        if verbose:
            for finding in well:
                yield from _lines(finding, width)
        elif well and not quiet:
            yield from _wrapped(Level.OK, ", ".join(dict.fromkeys(finding.check for finding in well)), width)
    yield None, summary(findings)


def _worst_first(finding: Finding) -> int:
    return -list(Level).index(finding.level)


def _lines(finding: Finding, width: int) -> Iterator[Line]:
    yield from _wrapped(finding.level, f"{finding.check}: {finding.what}", width)
    for line in finding.next.splitlines():
        for number, part in enumerate(_parts(line, width - 2)):
            yield None, f"{_INDENT}{' ' if number else '→'} {part}"


def _wrapped(level: Level, text: str, width: int) -> Iterator[Line]:
    head = f"  {level.value:<9}"
    for paragraph in text.splitlines():
        for part in _parts(paragraph, width):
            yield level, head + part
            head = _INDENT


def _parts(text: str, width: int) -> list[str]:
    """Lines beside the indent. Words are not broken: they may be commands."""
    return textwrap.wrap(text, width - len(_INDENT), break_long_words=False, break_on_hyphens=False)


def summary(findings: Iterable[Finding]) -> str:
    counts = Counter(finding.level for finding in findings)
    hosts = {finding.host_name for finding in findings} - {HERE}
    words = [
        f"{counts[level]} {level.value}{'s' * (counts[level] > 1)}"
        for level in (Level.PROBLEM, Level.WARNING, Level.NOTE)
        if counts[level]
    ]
    where = f"here and on {len(hosts)} host{'s' * (len(hosts) != 1)}" if hosts else "here"
    looked = f"Looked {where}: {', '.join([*words, f'{counts[Level.OK]} ok'])}."
    return looked if counts[Level.PROBLEM] or counts[Level.WARNING] else f"{looked} Nothing is in the way of a deploy."
