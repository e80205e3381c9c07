"""What the bot does with each kind of update, in the order in which they are tried.

A handler only reads and writes the database, by the transaction `connection`; workers do what needs servers, and the
screen shows what messages are to show. So a handler can be repeated, and what it decided survives a kill.
"""

from aiogram import Dispatcher

from opsbot.desk import Desk
from opsbot.handlers import access, buttons, commands

ALLOWED_UPDATES = ("message", "callback_query")
"""Not `edited_message`: a command is what was sent."""


def dispatcher(desk: Desk) -> Dispatcher:
    made = Dispatcher(desk=desk, disable_fsm=True)
    made.update.outer_middleware(access.only_for_known(desk.config))
    not_too_often = access.not_too_often(desk.config)
    made.message.middleware(not_too_often)
    made.callback_query.middleware(not_too_often)
    made.include_routers(commands.router, buttons.router)
    return made
