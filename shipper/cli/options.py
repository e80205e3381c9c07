"""Options that several commands share: those that mean the same for all, and a few more."""

import functools
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

import shipper
from shipper.cli.completing import destinations, host_names, role_names

if TYPE_CHECKING:
    from shipper import Project

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
