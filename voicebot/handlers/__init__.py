"""What the bot does with each kind of update, in the order in which they are tried.

A handler only reads and writes the database, by the transaction `connection`, and returns the calls that it wants to be
made. They are committed together, and made afterwards: so a handler can be repeated, and answers survive a kill.
"""

from aiogram import Dispatcher

from voicebot.handlers import access, buttons, chats, commands, groups, owner, preferences, recordings
from voicebot.settings import Settings

ALLOWED_UPDATES = ("message", "callback_query", "my_chat_member")
"""What the routers want: https://core.telegram.org/bots/api#getupdates"""


def dispatcher(settings: Settings, *, model: str, username: str) -> Dispatcher:
    """`model` is what hears; `username` is the bot's, without the @."""
    made = Dispatcher(settings=settings, model=model, username=username, disable_fsm=True)
    made.update.outer_middleware(access.only_for_known(settings))
    made.include_routers(
        chats.router,
        groups.router,
        commands.router,
        preferences.router,
        owner.router(settings.owner_id),
        buttons.router,
        recordings.router,
    )
    return made
