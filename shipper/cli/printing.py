"""What commands print: tables, styled lines, JSON, errors; nothing in it commands a terminal, or a runner of GitHub."""

import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import shipper
from shipper.cli.github_job import folder_in_checkout, in_github
from shipper.reporters.printable import printable

if TYPE_CHECKING:
    from shipper.reporters.tables import Row


def has_colours() -> bool:
    """https://no-color.org"""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def harmless_on(stream: TextIO) -> "Callable[[str], str]":
    """Makes of what others wrote, an app or a colleague, what commands neither a terminal nor a runner of GitHub."""
    if in_github():
        from shipper.reporters.github import harmless

        return harmless
    return printable if stream.isatty() else str


def harmless_json(text: str) -> str:
    """The same JSON, in which a runner of GitHub finds no command: it looks for them in the middle of lines too."""
    return text.replace("##[", r"#\u0023[")


def say(text: str, end: str = "\n") -> None:
    """On standard error."""
    print(harmless_on(sys.stderr)(text), end=end, file=sys.stderr)


def mend_streams() -> None:
    """Whoever starts us may have closed them, and not every locale can write all that there is to say."""
    sys.stdin = sys.stdin or Path(os.devnull).open()  # noqa: SIM115  # it stays open
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115  # it stays open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """For when nobody reads it any more, or its disk is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_error(error: shipper.ShipperError) -> None:
    """For people; with `--json` for machines as well."""
    own = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv  # what follows is for another command
    if "--json" in own:
        failed = {"what": error.what, "now": error.now, "next": error.next, "exit_code": error.exit_code}
        print(harmless_json(json.dumps({"event": "error", **failed})))
    if in_github():
        from shipper.reporters.github import error_commands

        for line in error_commands(error, folder_in_checkout()):
            print(line, file=sys.stderr)
        return
    for label, text in (("error: ", error.what), ("", error.now), ("next: ", error.next)):
        if text:
            say(f"{label}{text}")


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
