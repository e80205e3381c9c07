"""Updates as Telegram gave them, and what of them is about somebody."""

from sqlalchemy import BigInteger, cast, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from botkit.inbox import DONE, Inbox
from voicebot.storage.tables import inbox

INBOX = Inbox(inbox)


async def forget(connection: AsyncConnection, user_id: int) -> None:
    """What a user sent that could not be handled. Its number stays known."""
    kinds = ("message", "callback_query", "my_chat_member")
    senders = [cast(inbox.c.raw[(kind, "from", "id")].as_string(), BigInteger) for kind in kinds]
    theirs = or_(*(sender == user_id for sender in senders))
    failed = or_(inbox.c.state == "dead", (inbox.c.state == "new") & (inbox.c.attempts > 0))
    await connection.execute(update(inbox).where(failed, theirs).values(DONE))
