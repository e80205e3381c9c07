"""All that Telegram knows: bots, people, chats, files; and what tests count."""

import itertools
from collections import Counter
from typing import Literal

from tests.fakes.telegram.bots import Bot, Query
from tests.fakes.telegram.chats import Chat, Message
from tests.fakes.telegram.clock import Clock
from tests.fakes.telegram.files import Files
from tests.fakes.telegram.mailbox import Mailbox
from tests.fakes.telegram.people import User

_FIRST_BOT = 7_000_000_001
_FIRST_USER = 1001
_FIRST_GROUP = -1_001_000_000_001


class Cloud:
    """There is one bot from the start."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.files = Files(self.clock)
        self.bots: list[Bot] = []
        self.users: list[User] = []
        self.chats: list[Chat] = []
        self._query_ids = itertools.count(1)
        self.bot = self.add_bot("voicebot")

    def add_bot(self, name: str) -> Bot:
        bot_id = _FIRST_BOT + len(self.bots)
        bot = Bot(
            id=bot_id,
            first_name=name,
            username=f"{name}_bot",
            token=f"{bot_id}:{name:A<35}",
            clock=self.clock,
            mailbox=Mailbox(self.clock),
        )
        self.bots.append(bot)
        return bot

    def named(self, name: str) -> Bot:
        return next(bot for bot in self.bots if bot.first_name == name)

    def add_user(self, name: str = "Anna", language_code: str = "en") -> User:
        number = _FIRST_USER + len(self.users)
        username = f"{name.lower()}{number}"
        user = User(id=number, first_name=name, username=username, language_code=language_code, cloud=self)
        self.users.append(user)
        return user

    def add_group(self, title: str) -> Chat:
        """All bots that there are now are in it."""
        chat = Chat(id=_FIRST_GROUP - len(self.chats), title=title, kind="supergroup")
        self.chats.append(chat)
        for bot in self.bots:
            bot.chats[chat.id] = chat
        return chat

    @property
    def groups(self) -> list[Chat]:
        return [chat for chat in self.chats if chat.kind != "private"]

    def private_chat(self, user: User, bot: Bot) -> Chat:
        if user.id not in bot.chats:
            bot.chats[user.id] = Chat(id=user.id, title=user.first_name, kind="private")
            self.chats.append(bot.chats[user.id])
        return bot.chats[user.id]

    def deliver(self, message: Message) -> Message:
        for bot in self.bots:
            if bot.chats.get(message.chat.id) is message.chat:
                bot.hears(message)
        return message

    def click(
        self,
        user: User,
        bot: Bot,
        message: Message,
        data: str,
        *,
        tells: Literal["all", "number", "nothing"] = "all",
    ) -> Query:
        """Whoever makes a client of Telegram's can send any data with it."""
        query_id, at = str(next(self._query_ids)), self.clock.now()
        query = Query(id=query_id, person=user, message=message, data=data, at=at, tells=tells)
        bot.queries[query.id] = query
        bot.mailbox.post("callback_query", query.as_json())
        return query

    def unanswered(self) -> list[Message]:
        """What people wrote and bots confirmed, or let expire, without a reply to it: lost."""
        heard = {
            (update.content["chat"]["id"], update.content["message_id"])
            for bot in self.bots
            for update in (*bot.mailbox.confirmed, *bot.mailbox.expired)
            if update.kind == "message"
        }
        asked = [message for chat in self.chats for message in chat.messages if not message.sender.is_bot]
        return [
            message
            for message in asked
            if (message.chat.id, message.id) in heard and not message.chat.answers_to(message)
        ]

    def doubled(self) -> list[Message]:
        """What people wrote that has two replies with the same text."""
        return [
            message
            for chat in self.chats
            for message in chat.messages
            if any(times > 1 for times in Counter(answer.text for answer in chat.answers_to(message)).values())
        ]
