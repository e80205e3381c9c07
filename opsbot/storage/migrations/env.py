"""Alembic's entry. botkit.schema is the only one who calls it, with a connection."""

from alembic import context

from opsbot.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
