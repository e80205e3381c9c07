"""Events on a terminal: one live line for each host and role, which collapse into a summary at the end."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from shipper.events import (
    AccessoriesEnded,
    Called,
    Connected,
    Ended,
    Event,
    Output,
    Planned,
    Pushed,
    StepFailed,
    StepFinished,
    StepProgressed,
    StepStarted,
    StepUndone,
    Warned,
)
from shipper.model.outcome import Failed
from shipper.reporters.printable import printable
from shipper.reporters.timeline import Timeline
from shipper.reporters.words import accessories_lines, bytes_text, outcome_lines, pushed_line

_AT_LENGTH = ("build", "push")  # steps that write so much that the newest line has to do


@dataclass
class _Row:
    """What happens on one host for one role, and what has happened."""

    step: str = ""
    detail: str = ""
    mark: str = "⋯"
    style: str = "cyan"
    begun: float = 0.0
    """When its last step began; 0 when that has ended."""
    seconds: float = 0.0
    """Of the steps that have ended."""
    told: list[str] = field(default_factory=list)
    """What finished steps had to say."""
    failed: bool = False
    """One of its steps, whatever went well after it: a hook that reports the failure, say."""


class TerminalReporter:
    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console = console
        self._verbose = verbose
        self._rows: dict[tuple[str, str], _Row] = {}
        self._timeline = Timeline()
        self._live = Live(self, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> "TerminalReporter":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._table(ended=False) if self._rows else Text()  # of no height, it would leave an empty line behind

    def _table(self, *, ended: bool) -> Table:
        """While it runs, what each row is at; in the end, what each has done."""
        table = Table.grid(padding=(0, 2))
        for (host_name, role_name), row in self._rows.items():
            if ended and not row.told:
                continue
            seconds = row.seconds + (time.monotonic() - row.begun if row.begun else 0.0)
            table.add_row(
                Text(row.mark, style=row.style),
                Text(host_name, style="dim"),
                Text(role_name, style="bold"),
                Text("" if ended else row.step, style=row.style),
                _text("; ".join(row.told), overflow="fold") if ended else _text(row.detail, no_wrap=True),
                Text(f"{seconds:.1f} s", style="dim"),
            )
        return table

    def __call__(self, event: Event) -> None:
        self._timeline.note(event)
        match event:
            case Warned(text=text):
                self._say(f"! {text}", "yellow")
            case Connected():
                if self._verbose:
                    self._say(f"{event.host_name}: connected ({event.seconds:.2f} s)", "dim")
            case Planned(lines=lines, proof=proof):
                self._say(lines[0], "bold")
                if proof:
                    self._say(proof, "dim")
            case Output(line=line):
                self._say(f"  | {line}", "dim")
            case Called(host_name=host_name, call=call, seconds=seconds):
                if self._verbose:
                    self._say(f"{seconds * 1000:7.1f} ms  {host_name}  {call}", "dim")
            case StepProgressed(unit="line", detail=line) if event.step not in ("build", "push"):  # they say too much
                self._say(f"  | {line}", "dim")
            case StepUndone():
                self._say(f"↩ {event.host_name} {event.role_name}: {event.detail}", "yellow")
            case StepStarted() | StepProgressed() | StepFinished() | StepFailed():
                self._step(event)
            case Pushed():
                self._end(iter([pushed_line(event)]), "bold green")
            case AccessoriesEnded(ends=ends):
                style = "bold red" if any(end.exit_code for end in ends) else "bold green"
                self._end(accessories_lines(event), style)
            case Ended(service=service, outcome=outcome):
                self._end(outcome_lines(service, outcome), "bold red" if isinstance(outcome, Failed) else "bold green")

    def _step(self, event: StepStarted | StepProgressed | StepFinished | StepFailed) -> None:
        row = self._rows.setdefault((event.host_name, event.role_name), _Row())
        match event:
            case StepStarted(because=because):
                row.step, row.detail = event.step, because and f"because {because}"
                row.mark, row.style, row.begun = "⋯", "cyan", time.monotonic()
            case StepProgressed(unit="bytes"):
                row.detail = bytes_text(event)
            case StepProgressed(unit="line", detail=line) if event.step not in _AT_LENGTH:
                self._say(f"  | {line}", "dim")
            case StepProgressed():
                row.detail = event.detail
            case StepFinished(detail=detail, seconds=seconds):
                row.mark, row.style = ("✗", "red") if row.failed else ("✓", "green")
                row.detail = detail
                row.seconds, row.begun = row.seconds + seconds, 0.0
                if detail:
                    row.told.append(f"{event.step}: {detail}")
                if self._verbose:
                    self._say(f"✓ {event.host_name} {event.role_name} {event.step} {detail} ({seconds:.2f} s)", "green")
            case StepFailed(reason=reason, seconds=seconds):
                row.mark, row.style, row.detail, row.failed = "✗", "red", reason, True
                row.seconds, row.begun = row.seconds + seconds, 0.0
                row.told.append(f"{event.step}: {reason}")

    def _end(self, lines: Iterator[str], style: str) -> None:
        self._live.stop()
        if any(row.told for row in self._rows.values()):
            self._console.print(self._table(ended=True))
        if self._verbose:
            self._console.print(Text("\n".join(self._timeline.lines()), style="dim"))
        for line in _first_styled(lines, style):
            self._console.print(line)

    def _say(self, text: str, style: str) -> None:
        self._live.console.print(_text(text, style=style))


def _first_styled(lines: Iterator[str], style: str) -> Iterator[Text]:
    yield _text(next(lines), style=style)
    for line in lines:
        yield _text(line)


def _text(text: str, **options: Any) -> Text:
    """Of others: with the colours that it brings."""
    return Text.from_ansi(printable(text), **options)
