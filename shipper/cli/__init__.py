"""argv → call → exit code. The only place that prints or exits; it uses only the door, `import shipper`, and reporters.

A command stands in the module of its kind, and in the list at the end of this one.
"""

import asyncio
import contextlib
import gc
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import click

import shipper
from shipper.cli.accessory import accessory
from shipper.cli.carrying import secrets
from shipper.cli.completing import completion
from shipper.cli.deploying import build, deploy, plan, push, restart, rollback, start, stop
from shipper.cli.diagnosing import doctor
from shipper.cli.guarding import lock, trust, unlock
from shipper.cli.inside import execute, logs
from shipper.cli.keeping import prune, remove
from shipper.cli.looking import config, env, history, releases, version
from shipper.cli.printing import discard_output, mend_streams, print_error
from shipper.cli.setting_up import setup
from shipper.cli.starting import init
from shipper.cli.status import status

_EPILOG = (
    "Exit codes: 0 done; 2 bad arguments or config; 10-14 no way to a server; 19 a migration failed; 20 refused by a "
    "gate; 23 a hook failed; 24 a backup or restore failed; 21 failed, and what served before does not serve; after "
    "any other code it does. All of them: README.md."
)


_PIPE_CLOSED = 141
"""As of a program that SIGPIPE ends: 128 + 13. Not by that signal, since a deploy goes on without a reader."""


@contextlib.contextmanager
def _while_somebody_reads() -> Iterator[None]:
    try:
        try:
            yield
        finally:
            if sys.stdout:
                sys.stdout.flush()  # or a reader who has enough would show as Python ends, when it is too late
    except BrokenPipeError:
        discard_output()
        raise click.exceptions.Exit(_PIPE_CLOSED) from None


class _Main(click.Group):
    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with _while_somebody_reads():  # of --help
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _while_somebody_reads():
                return super().invoke(ctx)
        except shipper.ShipperError as error:
            print_error(error)
            ctx.exit(error.exit_code)
        except asyncio.CancelledError:
            ctx.exit(130)
        except click.Abort:
            print("\ninterrupted: nothing was done of what it asks about", file=sys.stderr)
            ctx.exit(130)
        except KeyboardInterrupt:  # what is under way takes signals itself
            print("\ninterrupted: nothing was under way", file=sys.stderr)
            ctx.exit(130)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise  # click's own way to end
        except Exception as error:  # its text may hold a secret
            place = traceback.extract_tb(error.__traceback__)[-1]
            print(f"error: {type(error).__name__} in {place.filename}:{place.lineno}", file=sys.stderr)
            print("This is a bug in shipper. `shipper status` shows what is true now.", file=sys.stderr)
            ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of the day's work, not of the alphabet

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.commands))
        for title, commands in _COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{c.name:<{width}}", c.get_short_help_str(92)) for c in commands])


@click.group(
    cls=_Main, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(shipper.__version__, message="shipper %(version)s")
def main() -> None:
    """Ships containers to your own servers over SSH: gated, swapped, rolled back."""
    mend_streams()
    gc.disable()  # until all is imported: to look through what imports make, where nothing is garbage, takes 0.1 s


_COMMANDS = {
    "Change what serves": (deploy, rollback, restart, stop, start, lock, unlock),
    "Look": (plan, status, logs, env, releases, history, doctor),
    "Work inside": (execute,),
    "Beside the service": (accessory,),
    "Images and disks": (build, push, prune, remove),
    "Set up": (init, setup, trust, secrets, config, completion, version),
}
for _commands in _COMMANDS.values():
    for _command in _commands:
        main.add_command(_command)
