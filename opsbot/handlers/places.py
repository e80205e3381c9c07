"""Where messages are, and where answers to them go."""

from aiogram.types import Message

from opsbot.storage.messages import Place


def topic_of(message: Message) -> int | None:
    """The topic of a forum. Others have such a number too, by which nothing can be sent."""
    return message.message_thread_id if message.is_topic_message else None


def place_of(message: Message) -> Place:
    """Where an answer goes."""
    return Place(chat_id=message.chat.id, thread_id=topic_of(message), reply_to=message.message_id)
