"""What is known of alerts goes through the database as it is."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select, update

from botkit.database import Database
from opsbot.alerts import UNTIL_ENDED, Alert
from opsbot.storage import alerts
from opsbot.storage.alerts import Known
from opsbot.storage.tables import alerts as table
from opsbot.watching import Kind

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
SEEN = Alert(
    key="production/a/web/service",
    environment="production",
    kind=Kind.DOWN,
    host_name="a",
    role_name="web",
    text="is down",
    since=NOW,
)
TOLD = replace(SEEN, key="production/b/web/service", incident="first", muted_by="ann", muted_until=UNTIL_ENDED)
ENDED = replace(SEEN, key="production/c/web/service", incident="first", ended_at=NOW, acknowledged_by="bob")
KNOWN = Known(alerts=(SEEN, TOLD, ENDED), messages={"first": 7})


async def test_what_is_kept_is_known_at_the_next_look_and_nothing_else_is(database: Database) -> None:
    async with database.writing() as connection:
        await alerts.keep(connection, "production", KNOWN)
        assert await alerts.known(connection, "production") == KNOWN
        assert (await alerts.known(connection, "staging")).alerts == ()

        await alerts.keep(connection, "production", replace(KNOWN, alerts=(TOLD,)))
        assert (await alerts.known(connection, "production")).alerts == (TOLD,)


async def test_those_of_a_message_can_be_changed(database: Database) -> None:
    async with database.writing() as connection:
        await alerts.keep(connection, "production", KNOWN)
        assert [*await alerts.of_message(connection, 7)] == [TOLD, ENDED]

        await alerts.change(connection, [acknowledged := replace(TOLD, acknowledged_by="cay")])
        assert [*await alerts.of_message(connection, 7)] == [acknowledged, ENDED]


async def test_what_a_newer_version_knows_of_them_does_no_harm(database: Database) -> None:
    async with database.writing() as connection:
        await alerts.keep(connection, "production", replace(KNOWN, alerts=(TOLD,)))
        stored = (await connection.execute(select(table.c.alert))).scalar_one()
        await connection.execute(update(table).values(alert={**stored, "colour": "red"}))
        assert (await alerts.known(connection, "production")).alerts == (TOLD,)

        await connection.execute(update(table).values(alert={**stored, "kind": "flood"}))
        assert (await alerts.known(connection, "production")).alerts == ()
