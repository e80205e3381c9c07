"""What becomes of all that belongs to one chat."""

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.storage import jobs
from voicebot.storage.tables import jobs as jobs_table, outbox


async def leave(connection: AsyncConnection, chat_id: int, now: float) -> None:
    """Nothing more can be said there."""
    await jobs.cancel_chat(connection, chat_id, now)
    await connection.execute(delete(outbox).where(outbox.c.chat_id == chat_id))


async def move(connection: AsyncConnection, old_id: int, new_id: int) -> None:
    """Its messages have other numbers there, so that none of them can be edited or replied to any more."""
    moved = update(jobs_table).where(jobs_table.c.chat_id == old_id)
    await connection.execute(moved.values(chat_id=new_id, placeholder_id=None))
    unsent = await connection.execute(select(outbox.c.id, outbox.c.payload).where(outbox.c.chat_id == old_id))
    for row in unsent.all():
        payload = {key: value for key, value in row.payload.items() if key != "reply_parameters"}
        kept = {"chat_id": new_id, "payload": payload | {"chat_id": new_id}}
        await connection.execute(update(outbox).where(outbox.c.id == row.id).values(kept))
