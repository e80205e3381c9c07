"""The Telegram of the tests takes and refuses messages by the rules of the real one, as aiogram sees them."""

from datetime import timedelta

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError, TelegramUnauthorizedError
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllPrivateChats,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    ReactionTypeEmoji,
    ReplyParameters,
)

from tests.fakes.telegram import Message, Telegram, User


def keyboard(label: str, data: str = "data") -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text=label, callback_data=data)]])


async def sent(bot: Bot, user: User, text: str = "…", markup: InlineKeyboardMarkup | None = None) -> Message:
    """A message of the bot to the user, as the user sees it."""
    message = user.chat.find((await bot.send_message(user.id, text, reply_markup=markup)).message_id)
    assert message
    return message


async def test_a_bot_knows_itself(bot: Bot, telegram: Telegram) -> None:
    me = await bot.get_me()
    assert (me.id, me.username, me.is_bot) == (telegram.bot.id, "voicebot_bot", True)


async def test_a_revoked_token_is_unauthorized(bot: Bot, telegram: Telegram) -> None:
    telegram.bot.is_revoked = True
    with pytest.raises(TelegramUnauthorizedError):
        await bot.get_me()


async def test_a_command_comes_with_who_where_and_its_entity(bot: Bot, anna: User) -> None:
    anna.sends_text("/start")
    (update,) = await bot.get_updates()
    message = update.message
    assert message
    assert message.from_user
    assert (message.text, message.chat.id, message.from_user.language_code) == ("/start", anna.id, "en")
    assert [entity.extract_from("/start") for entity in message.entities or []] == ["/start"]


async def test_an_answer_stands_in_the_chat_under_what_it_answers(bot: Bot, anna: User) -> None:
    question = anna.sends_text("hello")
    await bot.send_message(anna.id, "hi", reply_parameters=ReplyParameters(message_id=question.id))
    assert anna.chat.wait_for_answer(question).text == "hi"


async def test_a_message_without_a_sound_is_seen_to_be_one(bot: Bot, anna: User) -> None:
    await bot.send_message(anna.id, "by the way", disable_notification=True)
    await bot.send_message(anna.id, "it burns")
    assert [message.is_silent for message in anna.chat.from_bots] == [True, False]


async def test_a_reply_to_nothing_is_refused_unless_that_is_allowed(bot: Bot, anna: User) -> None:
    with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
        await bot.send_message(anna.id, "hi", reply_parameters=ReplyParameters(message_id=99))
    await bot.send_message(
        anna.id, "hi", reply_parameters=ReplyParameters(message_id=99, allow_sending_without_reply=True)
    )
    assert anna.chat.last.text == "hi"


async def test_an_edited_message_keeps_its_place_and_what_it_said(bot: Bot, anna: User) -> None:
    message = await sent(bot, anna, "one", keyboard("Cancel"))
    await bot.edit_message_text("two", chat_id=anna.id, message_id=message.id)
    assert (message.texts, message.labels) == (["one", "two"], [])


async def test_an_edit_that_changes_nothing_is_refused(bot: Bot, anna: User) -> None:
    message = await sent(bot, anna, "one", keyboard("Cancel"))
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_text(
            "<b></b>one ", chat_id=anna.id, message_id=message.id, parse_mode="HTML", reply_markup=keyboard("Cancel")
        )
    await bot.edit_message_reply_markup(chat_id=anna.id, message_id=message.id, reply_markup=keyboard("Stop"))
    assert message.labels == ["Stop"]


async def test_a_deleted_message_can_not_be_edited(bot: Bot, anna: User) -> None:
    message = await sent(bot, anna)
    await bot.delete_message(anna.id, message.id)
    assert message not in anna.chat.messages
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await bot.edit_message_text("two", chat_id=anna.id, message_id=message.id)
    with pytest.raises(TelegramBadRequest, match="message to delete not found"):
        await bot.delete_message(anna.id, message.id)


async def test_what_a_person_wrote_can_not_be_edited(bot: Bot, anna: User) -> None:
    with pytest.raises(TelegramBadRequest, match="message can't be edited"):
        await bot.edit_message_text("two", chat_id=anna.id, message_id=anna.sends_text("one").id)


async def test_a_text_has_1_to_4096_units_of_utf_16_after_parsing(bot: Bot, anna: User) -> None:
    await bot.send_message(anna.id, f"<b>{'😀' * 2048}</b>", parse_mode="HTML")
    with pytest.raises(TelegramBadRequest, match="message is too long"):
        await bot.send_message(anna.id, "😀" * 2048 + ".")
    with pytest.raises(TelegramBadRequest, match="message text is empty"):
        await bot.send_message(anna.id, "<b> </b>", parse_mode="HTML")


async def test_marks_become_entities(bot: Bot, anna: User) -> None:
    text = "😀<b>bold <i>both</i></b> &lt;<a href='https://a.b/?x&amp;y'>link</a><blockquote expandable>q</blockquote>"
    made = await bot.send_message(anna.id, text, parse_mode="HTML")
    assert made.text == "😀bold both <linkq"
    assert [(entity.type, entity.extract_from(made.text)) for entity in made.entities or []] == [
        ("bold", "bold both"),
        ("italic", "both"),
        ("text_link", "link"),
        ("expandable_blockquote", "q"),
    ]


async def test_commands_are_found_among_the_marks_but_not_in_code(bot: Bot, anna: User) -> None:
    made = await bot.send_message(anna.id, "<b>see /help</b> or <code>/stats</code>", parse_mode="HTML")
    assert made.text
    found = [(entity.type, entity.extract_from(made.text)) for entity in made.entities or []]
    assert found == [("bold", "see /help"), ("bot_command", "/help"), ("code", "/stats")]


@pytest.mark.parametrize("text", ["<b>open", "open</b>", "<b>wrong</i>", "<h1>unknown</h1>", "1 < 2"])
async def test_marks_that_make_no_sense_are_refused(bot: Bot, anna: User, text: str) -> None:
    with pytest.raises(TelegramBadRequest, match="can't parse entities"):
        await bot.send_message(anna.id, text, parse_mode="HTML")


async def test_callback_data_has_at_most_64_bytes(bot: Bot, anna: User) -> None:
    await sent(bot, anna, "…", keyboard("Cancel", "ж" * 32))
    with pytest.raises(TelegramBadRequest, match="BUTTON_DATA_INVALID"):
        await sent(bot, anna, "…", keyboard("Cancel", "ж" * 32 + "."))


async def test_a_click_reaches_the_bot_and_its_answer_the_person(bot: Bot, anna: User) -> None:
    click = anna.clicks("Cancel", on=await sent(bot, anna, "…", keyboard("Cancel", "cancel:1")))
    query = (await bot.get_updates(offset=-1))[0].callback_query
    assert query
    assert (query.data, query.from_user.id) == ("cancel:1", anna.id)
    await bot.answer_callback_query(query.id, text="Cancelled")
    assert click.answer == {"text": "Cancelled", "show_alert": False}


async def test_a_click_is_too_old_after_150_seconds(bot: Bot, telegram: Telegram, anna: User) -> None:
    click = anna.clicks("Cancel", on=await sent(bot, anna, "…", keyboard("Cancel")))
    telegram.clock.forward(timedelta(seconds=150).total_seconds())
    with pytest.raises(TelegramBadRequest, match="query is too old"):
        await bot.answer_callback_query(click.id)


async def test_a_bot_may_not_write_to_who_blocked_it(bot: Bot, telegram: Telegram, anna: User) -> None:
    anna.blocks(telegram.bot)
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await sent(bot, anna)
    anna.unblocks(telegram.bot)
    await sent(bot, anna)
    changes = [update.my_chat_member for update in await bot.get_updates(offset=-2)]
    assert [change and change.new_chat_member.status for change in changes] == ["kicked", "member"]


async def test_a_bot_may_not_write_where_it_is_not(bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_message(42, "hi")


async def test_in_groups_a_bot_hears_only_what_is_meant_for_it(bot: Bot, telegram: Telegram, anna: User) -> None:
    group = telegram.add_group("Team")
    voice = anna.sends_voice(b"ogg", chat=group)
    for text in ("hello all", "/stats", "/stats@voicebot_bot", "/stats@other_bot", "@voicebot_bot what is said here?"):
        anna.sends_text(text, chat=group, reply_to=voice)
    await bot.send_message(group.id, "hi")
    anna.sends_text("hi yourself", chat=group, reply_to=group.last)
    heard = [update.message for update in await bot.get_updates() if update.message]
    assert [message.text for message in heard] == [
        "/stats",
        "/stats@voicebot_bot",
        "@voicebot_bot what is said here?",
        "hi yourself",
    ]
    assert heard[2].reply_to_message
    assert heard[2].reply_to_message.voice


async def test_without_privacy_mode_a_bot_hears_everything_in_groups(bot: Bot, telegram: Telegram, anna: User) -> None:
    telegram.bot.sees_all_in_groups = True
    anna.sends_text("hello all", chat=telegram.add_group("Team"))
    assert [update.message and update.message.text for update in await bot.get_updates(offset=-1)] == ["hello all"]


async def test_people_see_a_bots_commands_in_their_language(bot: Bot, telegram: Telegram, anna: User) -> None:
    scope = BotCommandScopeAllPrivateChats()
    await bot.set_my_commands([BotCommand(command="help", description="Help")], scope)
    await bot.set_my_commands([BotCommand(command="pomosch", description="Помощь")], scope, language_code="ru")
    assert [command["command"] for command in anna.commands_of(telegram.bot)] == ["help"]
    boris = telegram.add_user("Boris", "ru")
    assert [command["command"] for command in boris.commands_of(telegram.bot)] == ["pomosch"]


async def test_reactions_and_actions_are_seen(bot: Bot, telegram: Telegram, anna: User) -> None:
    message = anna.sends_text("hello")
    await bot.set_message_reaction(anna.id, message.id, [ReactionTypeEmoji(emoji="👍")])
    await bot.send_chat_action(anna.id, "typing")
    assert (message.reaction, telegram.bot.actions) == ("👍", [(anna.id, "typing")])


async def test_there_is_no_webhook(bot: Bot, telegram: Telegram, anna: User) -> None:
    telegram.bot.mailbox.webhook_url = "https://example.org"
    anna.sends_text("hello")
    await bot.delete_webhook()
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count) == ("", 1)


async def test_what_was_confirmed_and_never_answered_is_told(bot: Bot, telegram: Telegram, anna: User) -> None:
    lost, twice = anna.sends_text("lost"), anna.sends_text("twice")
    for _ in range(2):
        await bot.send_message(anna.id, "same", reply_parameters=ReplyParameters(message_id=twice.id))
    last = (await bot.get_updates())[-1].update_id
    assert telegram.unanswered() == []
    await bot.get_updates(offset=last)
    assert telegram.unanswered() == [lost]
    assert telegram.doubled() == [twice]


async def test_a_wait_that_ends_in_vain_tells_what_stands_in_the_chat(anna: User) -> None:
    anna.sends_text("hello")
    with pytest.raises(AssertionError, match=r"a message with 'never' did not come within 0 s(.|\n)*Anna: 'hello'"):
        anna.chat.wait_for("never", within=0)
