"""The commands of `release`, with real migrations: Alembic on SQLite and on PostgreSQL, run in real containers."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import alembic
import pytest

from tests.integration.conftest import Project, Result
from tests.integration.making import PYTHON, PYTHON_VOLUMES
from tests.integration.visiting import visitor

VOLUMES = [*PYTHON_VOLUMES, f"{Path(alembic.__file__).parents[1]}:/packages:ro"]
DOCKERFILE = """\
FROM scratch
CMD ["/bin/sh", "/app.sh"]
COPY busybox /bin/sh
COPY app.sh /app.sh
COPY www /www
COPY migrations /migrations
"""
UPGRADE = f"[{PYTHON}, -m, alembic, --config, /migrations/alembic.ini, upgrade, head]"
REVISION = """\
import os, sys
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{number}", {before}


def upgrade() -> None:
    op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True))
    {more}
"""


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The sample with a database, as its users have it."""

    project: Project
    url: str

    def configure(self, commands: str = UPGRADE, **release: str) -> None:
        role = f"volumes: {[f'{self.project.service}-data:/data', *VOLUMES]}\nenv: {{PYTHONPATH: /packages}}"
        section = {"commands": f"[{commands}]", "deadline": "30s", **release}
        text = ", ".join(f"{key}: {value}" for key, value in section.items())
        self.project.configure(role, release=f"{{{text}}}", secrets="{DATABASE_URL: }")

    def migration(self, number: int, more: str = "") -> None:
        """Commits one that makes a table, and then does more."""
        before = repr(str(number - 1)) if number > 1 else None
        text = REVISION.format(number=number, before=before, table=f"table{number}", more=more or "pass")
        self.project.write(f"migrations/versions/{number}.py", text)
        self.project.version(f"version {number}")

    def deploy(self, *arguments: str) -> Result:
        return self.project.shipper("deploy", *arguments, DATABASE_URL=self.url)

    @property
    def state(self) -> tuple[set[str], list[str]]:
        """Its tables, and where Alembic says that it is."""
        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(self.file.read_bytes())
            tables = {str(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return tables, [str(number) for (number,) in database.execute("SELECT version_num FROM alembic_version")]

    @property
    def file(self) -> Path:
        """SQLite's, on the server."""
        return self.project.server.root / f"var/lib/docker/volumes/{self.project.service}-data/_data/shop.db"


@pytest.fixture
def shop(project: Project) -> Shop:
    project.write("Dockerfile", DOCKERFILE)
    project.write("config/env.j2", "DATABASE_URL={{ secrets.DATABASE_URL }}\n")
    made = Shop(project=project, url="sqlite:////data/shop.db")
    made.configure()
    return made


def test_thin(shop: Shop) -> None:
    shop.migration(1)
    result = shop.deploy()
    print(result.everything)
    assert result.exit_code == 0
    print(shop.state)
    with visitor(shop.project):
        shop.migration(2, "raise RuntimeError('it was ' + os.environ['DATABASE_URL'])")
        result = shop.deploy()
    print(result.everything)
    print(shop.state)
    assert result
