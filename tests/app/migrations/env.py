"""Alembic's environment of the sample: each revision is one transaction, tables included, on PostgreSQL and SQLite.

PostgreSQL takes back a CREATE TABLE like any other statement. SQLite can do so too, but two others are in the way:
Python's `sqlite3` begins a transaction only before an INSERT, UPDATE or DELETE, so that a CREATE TABLE before these is
committed at once; and Alembic counts SQLite among the databases that cannot, and would begin none. So the driver leaves
transactions alone, we send the BEGIN that SQLAlchemy means, and Alembic is told that DDL is transactional.
https://docs.sqlalchemy.org/en/20/dialects/sqlite.html, "Enabling Non-Legacy SQLite Transactional Modes"
"""

import os

from alembic import context
from sqlalchemy import Connection, create_engine, event, pool
from sqlalchemy.engine.interfaces import DBAPIConnection

engine = create_engine(os.environ["DATABASE_URL"], poolclass=pool.NullPool)

if engine.dialect.name == "sqlite":

    @event.listens_for(engine, "connect")
    def leave_transactions_alone(connection: DBAPIConnection, record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")


with engine.connect() as connection:
    context.configure(connection=connection, transactional_ddl=True, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
