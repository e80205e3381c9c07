"""A Telegram to test against: a Bot API server with the rules that bots trip over, and people who write to bots.

    with Telegram() as telegram:
        anna = telegram.add_user("Anna", language_code="ru")
        message = anna.sends_voice(Path("one.oga"), duration=1)     # the bot polls telegram.url with telegram.bot.token
        anna.chat.wait_for_answer(message, "1")

`python -m tests.fakes.telegram` shows the chats on a web page.
"""

from tests.fakes.telegram.bots import Bot, Query
from tests.fakes.telegram.chats import Chat, Message
from tests.fakes.telegram.faults import DOWNLOAD, Call, Damage
from tests.fakes.telegram.people import User
from tests.fakes.telegram.refusal import Refusal
from tests.fakes.telegram.server import Telegram

__all__ = ["DOWNLOAD", "Bot", "Call", "Chat", "Damage", "Message", "Query", "Refusal", "Telegram", "User"]
