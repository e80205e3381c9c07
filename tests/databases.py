"""Databases for tests: each a copy of one that was migrated once, as a file of SQLite or in a throwaway PostgreSQL."""

import itertools
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.postgres import Postgres
from voicebot import storage
from voicebot.storage import schema

_numbers = itertools.count(1)


class SqliteDatabases:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.db"
        schema.migrate(storage.parse(f"sqlite:///{self._template}"), print)

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
        self.wait()
        self._run("CREATE DATABASE template")
        schema.migrate(storage.parse(self._url("template")), print)

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
    def empty(self, template: str = "template0") -> Iterator[str]:
        """The URL of a database without tables. It goes with the server: to drop it would take longer than a test."""
        name = f"voicebot{next(_numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield self._url(name)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        with self.empty("template") as url:
            yield url

    def _url(self, name: str) -> str:
        return self.server.url.rpartition("/")[0] + f"/{name}"

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.server.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement)
