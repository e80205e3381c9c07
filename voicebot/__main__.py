"""python -m voicebot: runs the bot. `check` tells whether it could run, `migrate` prepares the database."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click
import structlog
from sqlalchemy.exc import SQLAlchemyError

from botkit import logs
from botkit.database import DatabaseUrlError, parse, reason
from botkit.logs import redact
from botkit.schema import NotMigrated
from botkit.settings import SettingsError, read
from shipper.handover import LeaseError
from voicebot import settings
from voicebot.settings import DatabaseSettings
from voicebot.storage.schema import MIGRATIONS

CRASHED = 1
"""Exit code: a mistake of ours; the log says where."""
UNUSABLE = 2
"""Exit code: what is set makes no sense, or token, model or lease are of no use. To start again does not help."""
UNAVAILABLE = 3
"""Exit code: the database, or a port, is not to be had now."""


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """A Telegram bot that turns voice into text. Without a command it runs.

    Environment variables set it, or a file .env: docs/voicebot.md lists them. It needs BOT_TOKEN at least.
    """
    os.umask(0o077)  # what people said is in the database
    if context.invoked_subcommand is None:
        run()


def run() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while all is loaded is no error; then Handover takes it over
    with _errors_told():
        of_bot, of_whisper = settings.load()
        logs.configure(of_bot.log_level, of_bot.log_format, noisy=("httpx", "httpcore", "faster_whisper"))
        from botkit.presence import PresenceLost
        from botkit.telegram import TokenRefused
        from voicebot import app  # takes seconds: aiogram and the model's libraries
        from voicebot.whisper import ModelError

        try:
            asyncio.run(app.run(of_bot, of_whisper))
            os._exit(0)  # sys.exit waits for threads: a download of the model, if we were told to stop meanwhile
        except Exception as error:
            log = structlog.get_logger(__name__)
            match cause := _cause(error):
                case TokenRefused() | ModelError() | LeaseError() | DatabaseUrlError():
                    log.critical("cannot_run", reason=_said(cause))
                    sys.exit(UNUSABLE)
                case NotMigrated() | PresenceLost() | SQLAlchemyError() | OSError():
                    log.critical("cannot_run_now", reason=_said(cause))
                    sys.exit(UNAVAILABLE)
                case _:
                    log.critical("crashed", exc_info=error)
                    sys.exit(CRASHED)


@main.command()
def migrate() -> None:
    """Prepares the database for this version.

    Needs DATABASE_URL only. SQLite is backed up before; the version that ran until now runs on what this makes.
    """
    with _errors_told():
        of_database = read(DatabaseSettings)
        MIGRATIONS.migrate(parse(of_database.database_url.get_secret_value()), click.echo)


@main.command()
def check() -> None:
    """Tells whether the bot could run.

    Looks at settings, database, model and token; ends with 0 if all is well, else with 2. It changes nothing, but
    downloads the model if it is not there yet.
    """
    with _errors_told():
        of_bot, of_whisper = settings.load()
        from voicebot.check import findings

        is_well = True
        for finding in findings(of_bot, of_whisper):
            click.echo(f"{'✓' if finding.is_well else '✗'}  {finding.about:10}{redact(finding.said)}")
            is_well = is_well and finding.is_well
        sys.exit(0 if is_well else UNUSABLE)


@contextmanager
def _errors_told() -> Iterator[None]:
    try:
        yield
    except (SettingsError, DatabaseUrlError) as error:
        _end(UNUSABLE, error)
    except NotMigrated as error:
        _end(UNAVAILABLE, error)


def _cause(error: BaseException) -> BaseException:
    """What a group of tasks ended for: the first error, which had the others cancelled."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _said(error: BaseException) -> str:
    return reason(error) if isinstance(error, SQLAlchemyError) else str(error)


def _end(code: int, error: BaseException) -> NoReturn:
    click.echo(redact(_said(error)), err=True)
    sys.exit(code)


if __name__ == "__main__":
    main(prog_name="python -m voicebot")
