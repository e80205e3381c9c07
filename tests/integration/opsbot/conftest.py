"""An opsbot of its own for each test: it has a project of its own; or a database, and no bot around it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from botkit import lean  # noqa: F401  # before aiogram, which is imported by tests from here on
from botkit.database import Database, parse
from opsbot.storage.schema import MIGRATIONS
from tests.integration.conftest import Project
from tests.integration.opsbot.house import House, house


@pytest.fixture
def ops(project: Project, tmp_path: Path) -> Iterator[House]:
    (folder := tmp_path / "opsbot").mkdir()
    with house(project, folder) as made:
        yield made


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = parse(f"sqlite:///{tmp_path}/opsbot.db")
    MIGRATIONS.migrate(url, print)
    made = Database(url)
    yield made
    await made.close()
