"""How a bot's program ends: what it says, and with which exit code."""

import asyncio
import sys
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click
import structlog
from sqlalchemy.exc import SQLAlchemyError

from botkit.database import DatabaseUrlError, reason
from botkit.logs import redact
from botkit.schema import NotMigrated
from botkit.settings import SettingsError
from shipper.handover import LeaseError

if TYPE_CHECKING:
    from botkit.findings import Finding  # brings aiogram in, which takes a second: `migrate` need not wait for it

CRASHED = 1
"""Exit code: a mistake of ours; the log says where."""
UNUSABLE = 2
"""Exit code: what is set makes no sense, or is of no use: token or lease, say. To start again does not help."""
UNAVAILABLE = 3
"""Exit code: the database, or a port, is not to be had now."""


def run(story: Coroutine[Any, Any, None], *, unusable: tuple[type[Exception], ...] = ()) -> None:
    """Until it ends. An error ends the process, and is logged; those of the types `unusable` as UNUSABLE."""
    from botkit.presence import PresenceLost
    from botkit.telegram import TokenRefused

    log = structlog.get_logger(__name__)
    try:
        asyncio.run(story)
    except Exception as error:
        cause = _cause(error)
        if isinstance(cause, (TokenRefused, LeaseError, DatabaseUrlError, *unusable)):
            log.critical("cannot_run", reason=_said(cause))
            sys.exit(UNUSABLE)
        if isinstance(cause, (NotMigrated, PresenceLost, SQLAlchemyError, OSError)):
            log.critical("cannot_run_now", reason=_said(cause))
            sys.exit(UNAVAILABLE)
        log.critical("crashed", exc_info=error)
        sys.exit(CRASHED)


def tell(findings: Iterable["Finding"]) -> NoReturn:
    """A line for each, as it comes. Ends the process: with 0 if all is well, else as UNUSABLE."""
    is_well = True
    for finding in findings:
        click.echo(f"{'✓' if finding.is_well else '✗'}  {finding.about:10} {redact(finding.said)}")
        is_well = is_well and finding.is_well
    sys.exit(0 if is_well else UNUSABLE)


@contextmanager
def errors_told() -> Iterator[None]:
    """What is wrong with settings or database is said in a line, without secrets, and ends the process."""
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
    click.echo(redact(str(error)), err=True)
    sys.exit(code)
