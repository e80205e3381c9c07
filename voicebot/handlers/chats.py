"""What happens to the chats themselves."""

import time

from aiogram import F, Router
from aiogram.enums import ChatMemberStatus
from aiogram.types import ChatMemberUpdated, Message
from sqlalchemy.ext.asyncio import AsyncConnection

from voicebot.storage import chats
from voicebot.storage.outbox import Outgoing

GONE = {ChatMemberStatus.KICKED, ChatMemberStatus.LEFT}

router = Router()


@router.my_chat_member()
async def membership(event: ChatMemberUpdated, connection: AsyncConnection) -> list[Outgoing]:
    """Blocked, or put out of a group: nothing more can be said there."""
    if event.new_chat_member.status in GONE:
        await chats.leave(connection, event.chat.id, time.time())
    return []


@router.message(F.migrate_to_chat_id)
async def migration(message: Message, connection: AsyncConnection) -> list[Outgoing]:
    """A group that grew has another number: https://core.telegram.org/bots/api#message"""
    assert message.migrate_to_chat_id
    await chats.move(connection, message.chat.id, message.migrate_to_chat_id)
    return []
