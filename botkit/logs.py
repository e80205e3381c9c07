"""Logs for machines (a JSON object a line) or people. Tokens never show: neither in what is said nor in exceptions."""

import logging
import re
import sys
from collections.abc import Iterable
from typing import Any

import structlog

_NOISY = ("aiogram.event", "alembic", "aiosqlite")
_SECRETS = re.compile(
    r"\d{3,}(?::|%3A)[A-Za-z0-9_-]{20,}"  # a bot's token: aiohttp's errors hold the whole URL of a file
    r"|(?<=://)[^/@\s:]+:[^/@\s]+(?=@)"  # user and password of a URL
    r"|\b(?:gh[a-z]_|github_pat_)\w{20,}"  # a token of GitHub's
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",  # to the end, if it is cut off
    re.DOTALL,
)


def redact(text: str) -> str:
    return _SECRETS.sub("[secret]", text)


def configure(level: str, format: str, *, noisy: Iterable[str] = ()) -> None:
    """Also what libraries say by the standard library's logging; of those that are `noisy`, warnings only."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if format == "json":
        shared.append(structlog.processors.format_exc_info)
        renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        _Redacting(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in (*_NOISY, *noisy):
        logging.getLogger(library).setLevel(logging.WARNING)


class _Redacting(structlog.stdlib.ProcessorFormatter):
    """Over the finished line: whatever found its way into it."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
