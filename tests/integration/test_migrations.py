"""The commands of `release`: real migrations with Alembic, on SQLite and on PostgreSQL, run in real containers."""

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import alembic
import psycopg
import pytest

from tests.integration.conftest import Project, Result
from tests.integration.killing import kill_deploy
from tests.integration.making import PYTHON, PYTHON_VOLUMES
from tests.integration.visiting import visitor
from tests.integration.waiting import eventually
from tests.postgres import postgres

pytestmark = pytest.mark.builds

DOCKERFILE = """\
FROM scratch
CMD ["/bin/sh", "/app.sh"]
COPY busybox /bin/sh
COPY app.sh /app.sh
COPY www /www
COPY migrations /migrations
"""
REVISIONS = {
    1: "pass",
    2: "raise RuntimeError('lost ' + os.environ['DATABASE_URL'])",
}
"""For each, what it does when it has made a table."""
REVISION = """\
import os

import sqlalchemy as sa
from alembic import op

revision, down_revision = "{number}", {before}


def upgrade() -> None:
    print("to {number}", flush=True)
    op.create_table("table{number}", sa.Column("id", sa.Integer, primary_key=True))
    {then}
"""
# with another HEAD, DEADLINE or REASON it is another release of the same image: nothing to build, nothing to ship
ALEMBIC = f"exec {PYTHON} -m alembic --config /migrations/alembic.ini upgrade $${{HEAD}}"
SLOW = ">/data/begun; echo begun; until [ -e /data/go ]; do sleep 0.05; done; echo once >>/data/runs"


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The sample with a database."""

    project: Project
    url: str
    schema: Callable[[], list[tuple[object, ...]]]
    """Its tables with their columns, and where Alembic says that it is."""

    def deploy(self, head: int) -> Result:
        return self.project.shipper("deploy", DATABASE_URL=self.url, HEAD=str(head))


def configure(project: Project, command: str) -> None:
    """With a volume at /data."""
    release = f'{{commands: ["{command}"], deadline: "${{DEADLINE:-30s}}", irreversible: "${{REASON:-}}"}}'
    project.configure(f"volumes: [{project.service}-data:/data]", release=release)
    project.commit()


def data_of(project: Project) -> Path:
    """The volume, seen from here."""
    return project.server.root / f"var/lib/docker/volumes/{project.service}-data/_data"


def sqlite_schema(file: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(file.read_bytes())
        tables = database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        return [*tables, *database.execute("SELECT version_num FROM alembic_version")]


def postgres_schema(url: str) -> list[tuple[object, ...]]:
    columns = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
    with psycopg.connect(url.replace("+psycopg", "")) as database:
        found = database.execute(f"{columns} ORDER BY table_name, column_name").fetchall()
        return [*found, *database.execute("SELECT version_num FROM alembic_version")]


@contextmanager
def database(kind: str, project: Project) -> Iterator[tuple[str, Callable[[], list[tuple[object, ...]]]]]:
    if kind == "sqlite":
        yield "sqlite:////data/shop.db", lambda: sqlite_schema(data_of(project) / "shop.db")
        return
    with postgres(project.server.gateway) as url:
        yield url, lambda: postgres_schema(url)


@pytest.fixture(params=["sqlite", "postgres"])
def shop(project: Project, request: pytest.FixtureRequest) -> Iterator[Shop]:
    volumes = [f"{project.service}-data:/data", *PYTHON_VOLUMES, f"{Path(alembic.__file__).parents[1]}:/packages:ro"]
    role = f'volumes: {volumes}\nenv: {{PYTHONPATH: /packages, HEAD: "${{HEAD}}"}}'
    for number, then in REVISIONS.items():
        text = REVISION.format(number=number, before=repr(str(number - 1)) if number > 1 else None, then=then)
        project.write(f"migrations/versions/{number}.py", text)
    project.write("Dockerfile", DOCKERFILE)
    project.write("config/env.j2", "DATABASE_URL={{ secrets.DATABASE_URL }}\n")
    project.configure(role, release=f'{{commands: ["{ALEMBIC}"], deadline: 30s}}', secrets="{DATABASE_URL: }")
    project.commit()
    with database(request.param, project) as (url, schema):
        yield Shop(project=project, url=url, schema=schema)


def test_a_migration_runs_once_before_the_swap_and_one_that_fails_leaves_app_and_database_as_they_were(
    shop: Shop,
) -> None:
    deployed = shop.deploy(head=1)

    assert deployed.exit_code == 0, deployed.everything
    told = deployed.output.partition("migrate …")[2]
    assert "  | to 1\n" in told.partition("swap …")[0]
    assert "nothing was done" in shop.deploy(head=1).output
    before, serving = shop.schema(), shop.project.serving["Id"]
    assert ("1",) in before

    with visitor(shop.project):
        failed = shop.deploy(head=2)

    assert failed.exit_code == 19, failed.everything
    assert "  | to 2\n" in failed.output
    assert "upgrade ${HEAD}` exited with code 1; nothing has swapped\n" in failed.output
    assert "\n  | RuntimeError: lost •••\nWhat served before serves now.\n" in failed.output
    assert "Next: shipper logs --role web --release 2 shows all that it wrote.\n" in failed.output
    logs = shop.project.shipper("logs", "--role", "web", "--release", "2", HEAD="2")
    assert "web r2 (release command) | RuntimeError: lost •••\n" in logs.output, logs.everything
    assert shop.url not in failed.everything + logs.everything
    assert shop.schema() == before
    assert shop.project.serving["Id"] == serving


def running(project: Project) -> bool:
    return any(c["Config"]["Labels"].get("shipper.run") == "release" for c in project.containers())


def said(process: "Popen[str]", line: str) -> bool:
    assert process.stdout
    return any(line in written for written in process.stdout)


def test_a_migration_whose_client_was_killed_is_taken_up_by_the_same_command_and_runs_once(project: Project) -> None:
    configure(project, SLOW)
    kill_deploy(project, (data_of(project) / "begun").exists)
    eventually(lambda: running(project), "a migration")  # Docker says so a moment after it has begun

    with project.start("deploy", "--wait", "5") as process:
        assert said(process, "  | begun")
        (data_of(project) / "go").touch()
        assert said(process, "serves, after")
        assert process.wait(timeout=30) == 0

    assert (data_of(project) / "runs").read_text() == "once\n"
    assert project.answer() == "version 1"


def test_a_migration_that_takes_too_long_or_is_interrupted_does_not_run_on(project: Project) -> None:
    configure(project, SLOW)

    late = project.shipper("deploy", DEADLINE="300ms")

    assert late.exit_code == 19, late.everything
    assert "did not end within 0.3 s, so it was stopped; nothing has swapped" in late.output
    assert project.containers() == []
    with project.start("deploy") as process:
        assert said(process, "  | begun")
        process.send_signal(signal.SIGINT)
        assert said(process, "what it had done by then may stay")
        assert process.wait(timeout=30) == 130
    assert project.containers() == []


def test_a_rollback_over_an_irreversible_release_is_refused_unless_it_is_forced(project: Project) -> None:
    configure(project, "echo 0007")
    project.deploy()
    output = project.deploy(REASON="0007 drops users.email").output
    assert "commit   release 2, from which there is no way back: 0007 drops users.email\n" in output
    assert "warning: From release 2 there will be no way back: 0007 drops users.email\n" in output

    refused = project.shipper("rollback")

    assert refused.exit_code == 33
    assert "There is no way back over release 2: 0007 drops users.email" in refused.errors
    assert project.serving["Config"]["Labels"]["shipper.release"] == "2"
    forced = project.shipper("rollback", "--force")
    assert forced.exit_code == 0, forced.everything
    assert "warning: Going back, as --force says, though there is no way back over release 2" in forced.output
    assert "migrate" not in forced.output
    assert project.serving["Config"]["Labels"]["shipper.release"] == "1"
