"""A Telegram and a bot for the session; tests use people and chats of their own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from botkit.database import Database, parse
from tests.bots import BotProcess
from tests.databases import PostgresDatabases, SqliteDatabases
from tests.fakes.telegram import Telegram
from tests.integration.voicebot.house import House, house
from tests.postgres import Postgres
from tests.voicebots import voicebot


@pytest.fixture(scope="session")
def telegram() -> Iterator[Telegram]:
    with Telegram() as made:
        yield made


@pytest.fixture(name="house")
def own_house(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For tests that leave its bot alive; it takes half a minute of sound at most."""
    with house(tmp_path_factory.mktemp("house")) as made:
        made.active(MAX_MINUTES="0.5")
        yield made


@pytest.fixture(scope="session")
def bot(telegram: Telegram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    folder = tmp_path_factory.mktemp("voicebot")
    with voicebot(telegram, f"sqlite:///{folder}/voicebot.db", folder) as made:
        made.becomes("active")
        yield made


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_databases(_parts: None) -> Iterator[PostgresDatabases]:
    server = Postgres("127.0.0.1")
    server.start()
    try:
        yield PostgresDatabases(server)
    finally:
        server.stop()
        server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request: pytest.FixtureRequest) -> SqliteDatabases | PostgresDatabases:
    """A test that uses these is run for both."""
    made: SqliteDatabases | PostgresDatabases = request.getfixturevalue(f"{request.param}_databases")
    return made


@pytest.fixture
def database_url(databases: SqliteDatabases | PostgresDatabases) -> Iterator[str]:
    """Of a database of the newest revision."""
    with databases.migrated() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(parse(database_url))
    yield made
    await made.close()
