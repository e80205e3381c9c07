"""The methods of the Bot API that a transcription bot and an operations bot call: https://core.telegram.org/bots/api

getUpdates is with the server: it waits.
"""

import json
from collections.abc import Callable
from typing import Any

from tests.fakes.telegram.bots import LARGEST_CALLBACK_DATA, Bot
from tests.fakes.telegram.chats import Attachment, Chat, File, Message
from tests.fakes.telegram.entities import Text, parsed
from tests.fakes.telegram.files import Files
from tests.fakes.telegram.parameters import Parameters
from tests.fakes.telegram.refusal import Refusal, bad_request

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
LONGEST_ANSWER = 200
LARGEST_UPLOAD = 50 << 20

Method = Callable[[Bot, Parameters, Files], Any]


def get_me(bot: Bot, parameters: Parameters, files: Files) -> Any:
    return bot.as_json()


def send_message(bot: Bot, parameters: Parameters, files: Files) -> Any:
    chat = _chat(bot, parameters)
    text, markup, reply_to = _text(parameters), _markup(parameters), _reply_to(chat, parameters)
    is_silent = parameters.flag("disable_notification")
    return bot.writes(chat, text, markup=markup, reply_to=reply_to, is_silent=is_silent).as_json()


def send_document(bot: Bot, parameters: Parameters, files: Files) -> Any:
    chat = _chat(bot, parameters)
    caption, markup, reply_to = _caption(parameters), _markup(parameters), _reply_to(chat, parameters)
    file = _sent_file(parameters, files)
    attachment = Attachment(kind="document", file=file, details={"file_name": file.name})
    is_silent = parameters.flag("disable_notification")
    sent = bot.writes(chat, caption, markup=markup, reply_to=reply_to, attachment=attachment, is_silent=is_silent)
    return sent.as_json()


def edit_message_text(bot: Bot, parameters: Parameters, files: Files) -> Any:
    message = _message(bot, parameters, "edit")
    text = _text(parameters, too_long="MESSAGE_TOO_LONG")
    if message.attachment:
        raise bad_request("there is no text in the message to edit")
    bot.changes(message, text, _markup(parameters))
    return message.as_json()


def edit_message_reply_markup(bot: Bot, parameters: Parameters, files: Files) -> Any:
    message = _message(bot, parameters, "edit")
    bot.changes(message, message.versions[-1].text, _markup(parameters))
    return message.as_json()


def delete_message(bot: Bot, parameters: Parameters, files: Files) -> Any:
    message = _message(bot, parameters, "delete")
    if message.sender is not bot and message.chat.kind != "private":
        raise bad_request("message can't be deleted")
    message.is_deleted = True
    return True


def answer_callback_query(bot: Bot, parameters: Parameters, files: Files) -> Any:
    text = parameters.text("text")
    if len(text) > LONGEST_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    bot.answers_query(parameters.text("callback_query_id"), {"text": text, "show_alert": parameters.flag("show_alert")})
    return True


def get_file(bot: Bot, parameters: Parameters, files: Files) -> Any:
    return files.link(parameters.text("file_id"))


def set_my_commands(bot: Bot, parameters: Parameters, files: Files) -> Any:
    bot.commands[_scope(parameters)] = parameters.structure("commands")
    return True


def delete_my_commands(bot: Bot, parameters: Parameters, files: Files) -> Any:
    bot.commands.pop(_scope(parameters), None)
    return True


def _scope(parameters: Parameters) -> str:
    scope = parameters.structure("scope") or {"type": "default"}
    return json.dumps({**scope, "language_code": parameters.text("language_code")}, sort_keys=True)


def send_chat_action(bot: Bot, parameters: Parameters, files: Files) -> Any:
    bot.actions.append((_chat(bot, parameters).id, parameters.text("action")))
    return True


def set_message_reaction(bot: Bot, parameters: Parameters, files: Files) -> Any:
    message = _message(bot, parameters, "react")
    reactions = parameters.structure("reaction") or []
    if len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    message.reaction = "".join(reaction["emoji"] for reaction in reactions)
    return True


def delete_webhook(bot: Bot, parameters: Parameters, files: Files) -> Any:
    bot.mailbox.webhook_url = ""
    if parameters.flag("drop_pending_updates"):
        bot.mailbox.forget()
    return True


def get_webhook_info(bot: Bot, parameters: Parameters, files: Files) -> Any:
    mailbox = bot.mailbox
    waiting = len(mailbox.pending)
    return {"url": mailbox.webhook_url, "has_custom_certificate": False, "pending_update_count": waiting}


def acknowledge(bot: Bot, parameters: Parameters, files: Files) -> Any:
    """For what changes nothing that anybody here looks at."""
    return True


METHODS: dict[str, Method] = {
    "getme": get_me,
    "sendmessage": send_message,
    "senddocument": send_document,
    "editmessagetext": edit_message_text,
    "editmessagereplymarkup": edit_message_reply_markup,
    "deletemessage": delete_message,
    "answercallbackquery": answer_callback_query,
    "getfile": get_file,
    "setmycommands": set_my_commands,
    "deletemycommands": delete_my_commands,
    "setmydescription": acknowledge,
    "setmyshortdescription": acknowledge,
    "sendchataction": send_chat_action,
    "setmessagereaction": set_message_reaction,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
}
"""In lower case: Telegram does not mind."""


def _chat(bot: Bot, parameters: Parameters) -> Chat:
    return bot.chat_to_write_to(parameters.number("chat_id"))


def _message(bot: Bot, parameters: Parameters, verb: str) -> Message:
    message = _chat(bot, parameters).find(parameters.number("message_id"))
    if not message:
        raise bad_request(f"message to {verb} not found")
    return message


def _text(parameters: Parameters, too_long: str = "message is too long") -> Text:
    text = parsed(parameters.text("text"), parameters.text("parse_mode"))
    if not text.plain:
        raise bad_request("message text is empty")
    if text.length > LONGEST_TEXT:
        raise bad_request(too_long)
    return text


def _caption(parameters: Parameters) -> Text:
    caption = parsed(parameters.text("caption"), parameters.text("parse_mode"))
    if caption.length > LONGEST_CAPTION:
        raise bad_request("message caption is too long")
    return caption


def _markup(parameters: Parameters) -> dict[str, Any] | None:
    markup: dict[str, Any] | None = parameters.structure("reply_markup")
    for button in (button for row in (markup or {}).get("inline_keyboard", []) for button in row):
        if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= LARGEST_CALLBACK_DATA:
            raise bad_request("BUTTON_DATA_INVALID")
    return markup


def _reply_to(chat: Chat, parameters: Parameters) -> Message | None:
    wanted = parameters.structure("reply_parameters") or {}
    number = wanted.get("message_id") or parameters.number("reply_to_message_id")
    message = chat.find(number) if number else None
    if number and not message and not wanted.get("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    return message


def _sent_file(parameters: Parameters, files: Files) -> File:
    upload = parameters.upload("document")
    if not upload:
        return files.find(parameters.text("document"))
    if len(upload.data) > LARGEST_UPLOAD:
        raise Refusal(413, "Request Entity Too Large")
    if not upload.data:
        raise bad_request("file must be non-empty")
    return files.add(File(data=upload.data, size=len(upload.data), name=upload.name))
