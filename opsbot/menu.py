"""The commands that Telegram offers beside the input field: https://core.telegram.org/bots/api#botcommandscope

Each person's own, in their chat with us and in the groups where commands are taken; for everybody else there are none.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from aiogram.methods import DeleteMyCommands, SetMyCommands
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeChatMember,
    BotCommandScopeDefault,
)

from opsbot.access import Person, may, who
from opsbot.arguments import USAGE
from opsbot.config import Config
from opsbot.views.asking import WHAT_IT_DOES

Menu: TypeAlias = SetMyCommands | DeleteMyCommands
_FOR_EVERYBODY = (
    BotCommandScopeDefault,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllChatAdministrators,
)


def menus(config: Config) -> Iterator[Menu]:
    """Telegram refuses that of a chat which it has not seen us in yet."""
    yield from (DeleteMyCommands(scope=scope()) for scope in _FOR_EVERYBODY)
    groups = _groups(config)
    for entry in config.people.values():
        person = who(config, entry.id)
        assert person
        yield private_menu(person)
        for chat_id, environments in groups.items():
            scope = BotCommandScopeChatMember(chat_id=chat_id, user_id=person.id)
            yield SetMyCommands(commands=_commands(person, environments), scope=scope)


def private_menu(person: Person) -> SetMyCommands:
    return SetMyCommands(commands=_commands(person, person.ranks), scope=BotCommandScopeChat(chat_id=person.id))


def _groups(config: Config) -> dict[int, set[str]]:
    """The environments that each is about in any of its topics: a menu is the whole group's."""
    groups: dict[int, set[str]] = {}
    for chat in config.chats:
        groups.setdefault(chat.id, set()).update(chat.environments or config.environments)
    return groups


def _commands(person: Person, environments: Iterable[str]) -> list[BotCommand]:
    usable = {verb for name in environments for verb in USAGE if may(person, name, verb)}
    verbs = [verb for verb in USAGE if verb in usable]
    return [BotCommand(command=name, description=WHAT_IT_DOES[name]) for name in (*verbs, "whoami", "help")]
