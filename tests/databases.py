"""Databases for tests: each a copy of one that was migrated once, as a file of SQLite or in a throwaway PostgreSQL."""

import itertools
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from botkit.database import parse
from tests.postgres import Postgres
from voicebot.storage.schema import MIGRATIONS
from voicebot.storage.tables import metadata

_numbers = itertools.count(1)


class SqliteDatabases:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.db"
        MIGRATIONS.migrate(parse(f"sqlite:///{self._template}"), print)

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database without tables."""
        folder = self._folder / str(next(_numbers))
        folder.mkdir()
        yield f"sqlite:///{folder}/voicebot.db"
        shutil.rmtree(folder)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        with self.empty() as url:
            shutil.copy(self._template, url.removeprefix("sqlite:///"))
            yield url


class PostgresDatabases:
    def __init__(self, server: Postgres) -> None:
        self.server = server
        self._free: list[str] = []
        self.wait()
        self._run("CREATE DATABASE template")
        MIGRATIONS.migrate(parse(self._url("template")), print)

    def wait(self, seconds: float = 20.0) -> None:
        """Until the server answers."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self._run("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, f"PostgreSQL does not answer within {seconds:g} s"
                time.sleep(0.02)

    def restart(self) -> None:
        self.server.stop()
        self.server.start()
        self.wait()

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database without tables. It goes with the server."""
        yield self._made("template0")

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """Of one that nobody else has now. It is used again, since to make one takes longer than a test."""
        url = self._free.pop() if self._free else self._made("template")
        yield url
        with psycopg.connect(_plain(url)) as connection:
            tables = ", ".join(metadata.tables)
            connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")
        self._free.append(url)

    def _made(self, template: str) -> str:
        name = f"voicebot{next(_numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._url(name)

    def _url(self, name: str) -> str:
        return self.server.url.rpartition("/")[0] + f"/{name}"

    def _run(self, statement: str) -> None:
        with psycopg.connect(_plain(self.server.url), autocommit=True) as connection:
            connection.execute(statement)


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")
