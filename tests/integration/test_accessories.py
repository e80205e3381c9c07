"""What runs beside the service: booted, changed, cut off, backed up and restored; and what deploys leave alone."""

from collections.abc import Iterator

import pytest

from tests.hub import hub
from tests.integration.conftest import Project
from tests.machines import Machine

PASSWORD = "correct-horse-battery"
ACCESSORIES = """
secrets: { POSTGRES_PASSWORD: , LIMIT: }
accessories:
  postgres:
    image: postgres:17
    env: { POSTGRES_USER: shop, POSTGRES_PASSWORD_FILE: /run/secrets/password }
    files: { /run/secrets/password: { secret: POSTGRES_PASSWORD, mode: "0400", owner: "999:999" } }
    volumes: ["VOLUME:/var/lib/postgresql/data"]
    gate: { command: "pg_isready --host 127.0.0.1 --username shop", deadline: 60s }
    backup: pg_dump --format=custom --username shop shop
    restore: pg_restore --clean --if-exists --single-transaction --exit-on-error --username shop --dbname shop
  cache:
    image: redis:8
    after: [postgres]
    env: { LIMIT: { secret: LIMIT } }
    files: { /etc/rules: { source: rules } }
    publish: ["7070:6379"]
    gate: { tcp: 6379 }
"""


@pytest.fixture(scope="module", autouse=True)
def _hub(server: Machine) -> Iterator[None]:
    with hub(server):
        yield


@pytest.fixture
def shop(project: Project) -> Project:
    """With accessories, that are not there yet."""
    config = (project.folder / "config/deploy.yaml").read_text()
    project.write("config/deploy.yaml", config + ACCESSORIES.replace("VOLUME", f"{project.service}-postgres"))
    project.write("rules/first", "one")
    project.write("rules/of/second", "two")
    project.commit()
    project.environ |= {"POSTGRES_PASSWORD": PASSWORD, "LIMIT": "a-hundred"}
    return project


def sql(project: Project, statement: str) -> str:
    command = ("psql", "--username=shop", "--no-align", "--tuples-only", "--command", statement)
    ran = project.shipper("accessory", "exec", "postgres", "--", *command)
    assert ran.exit_code == 0, ran.everything
    return ran.output


def test_it(shop: Project) -> None:
    print(shop.shipper("accessory", "boot", "--plan").everything)
    booted = shop.shipper("accessory", "boot")
    print(booted.everything)
    assert booted.exit_code == 0
    print(shop.shipper("accessory", "boot").everything)
    print(shop.shipper("status").everything)
