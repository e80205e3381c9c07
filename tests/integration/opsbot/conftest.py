"""An opsbot of its own for each test: it has a project of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Project
from tests.integration.opsbot.house import House, house


@pytest.fixture
def ops(project: Project, tmp_path: Path) -> Iterator[House]:
    (folder := tmp_path / "opsbot").mkdir()
    with house(project, folder) as made:
        yield made
