"""Events in a run of GitHub Actions: plain lines in groups, what goes wrong as annotations, and a summary of the job.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import re
from collections.abc import Callable, Iterator

from shipper.errors import ConfigError, ShipperError
from shipper.events import AccessoriesEnded, Ended, Event, Planned, Pushed, StepStarted, Warned
from shipper.model.outcome import Failed
from shipper.reporters.plain import PlainReporter
from shipper.reporters.summary import summary
from shipper.reporters.timeline import Timeline
from shipper.reporters.words import outcome_lines
from shipper.steps import HERE

_ENDS = re.compile(r"\r\n|\r|\n")  # of lines, as the runner reads them


class GithubReporter:
    def __init__(
        self, write: Callable[[str], None], summarize: Callable[[str], None], *, verbose: bool, quiet: bool = False
    ) -> None:
        """`summarize` gets the summary, in Markdown, when all has ended."""
        self._write = write
        self._summarize = summarize
        self._plain = PlainReporter(self._say, verbose=verbose, quiet=quiet)
        self._quiet = quiet
        self._timeline = Timeline()
        self._planned: Planned | None = None
        self._group = ""

    def __enter__(self) -> "GithubReporter":
        return self

    def __exit__(self, *_: object) -> None:
        self._enter("")

    def __call__(self, event: Event) -> None:
        self._timeline.note(event)
        match event:
            case Warned(text=text):
                self._write(command("warning", text, title="shipper"))
            case Planned(is_empty=False):
                self._planned = event
                self._enter(event.lines[0])
                self._plain(event)
                self._enter("")
            case StepStarted():
                self._enter(event.step if event.host_name == HERE else "on the servers")
                self._plain(event)
            case Ended():
                self._enter("")
                self._plain(event)
                self._end(event)
            case Pushed() | AccessoriesEnded():
                self._enter("")
                self._plain(event)
            case _:
                self._plain(event)

    def _end(self, event: Ended) -> None:
        if isinstance(event.outcome, Failed):
            title, *reason = outcome_lines(event.service, event.outcome)
            self._write(command("error", "\n".join(reason), title=title))
        self._summarize(summary(event, self._planned, self._timeline.spans))

    def _enter(self, group: str) -> None:
        """Groups cannot hold groups: what goes on side by side on servers is one."""
        if self._quiet or group == self._group:
            return
        if self._group:
            self._write("::endgroup::")
        if group:
            self._write(f"::group::{_escaped(harmless(group))}")
        self._group = group

    def _say(self, text: str) -> None:
        self._write(harmless(text))


def error_commands(error: ShipperError, folder: str = "") -> Iterator[str]:
    """For what was raised. A mistake in a file is shown at its line; `folder` leads to it from the checkout."""
    places = [re.match(r"(?P<file>[^\s:]+):(?P<line>\d+): ", line) for line in error.what.splitlines()]
    if isinstance(error, ConfigError) and all(places):
        for place in filter(None, places):
            yield command("error", place.string, title="shipper", file=folder + place["file"], line=place["line"])
    else:
        yield command("error", str(error), title="shipper")


def command(name: str, text: str, **properties: str) -> str:
    """A workflow command, whatever characters the text has."""
    told = ",".join(
        f"{key}={_escaped(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties.items()
    )
    return f"::{name} {told}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def harmless(text: str) -> str:
    """As it is, but no line of it is taken for a workflow command.

    The runner takes a line for one that begins with `::`, after whatever space, or has `##[` anywhere:
    https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
    """
    return "\n".join(re.sub(r"^(\s*):(?=:)", r"\1: ", line).replace("##[", "## [") for line in _ENDS.split(text))
