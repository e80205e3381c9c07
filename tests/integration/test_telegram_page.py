"""The web page of the tests' Telegram, in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes.telegram import Bot, Chat, Message, User
from tests.fakes.telegram.__main__ import furnished
from tests.fakes.telegram.entities import parsed
from tests.fakes.telegram.page import TelegramWithPage

CANCEL = {"inline_keyboard": [[{"text": "Cancel ✕", "callback_data": "cancel:1"}]]}


@pytest.fixture
def telegram() -> Iterator[TelegramWithPage]:
    with furnished(port=0) as made:
        yield made


@pytest.fixture
def page(browser: Browser, telegram: TelegramWithPage) -> Iterator[Page]:
    made = browser.new_page(locale="en-GB")
    errors = list[str]()
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    made.goto(telegram.url)
    expect(made.get_by_role("heading")).to_have_text("voicebot")
    yield made
    made.close()
    assert errors == []


def types(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".mine").last).to_contain_text(text)


def says(bot: Bot, chat: Chat, text: str) -> Message:
    return bot.writes(chat, parsed(text, "HTML"), markup=CANCEL)


def anna(telegram: TelegramWithPage) -> User:
    return telegram.users[0]


def test_what_people_type_reaches_the_bot(page: Page, telegram: TelegramWithPage) -> None:
    types(page, "/start")
    (update,) = telegram.bot.mailbox.pending
    assert (update.content["text"], update.content["from"]["first_name"]) == ("/start", "Anna")


def test_a_message_of_a_bot_is_edited_before_ones_eyes(page: Page, telegram: TelegramWithPage) -> None:
    message = says(telegram.bot, anna(telegram).chat, "listening …")
    answer = page.locator(".message").last
    expect(answer).to_contain_text("listening …")
    telegram.bot.changes(message, parsed("<b>one</b> two", "HTML"), None)
    expect(answer.locator(".text")).to_have_text("one two")
    expect(answer.locator("b")).to_have_text("one")
    expect(answer).to_contain_text("edited 1×")


def test_a_click_on_a_button_reaches_the_bot_and_its_answer_is_shown(page: Page, telegram: TelegramWithPage) -> None:
    says(telegram.bot, anna(telegram).chat, "listening …")
    with page.expect_response("**/page/click"):
        page.get_by_role("button", name="Cancel").click()
    (query,) = telegram.bot.queries.values()
    assert (query.data, query.person) == ("cancel:1", anna(telegram))
    telegram.bot.answers_query(query.id, {"text": "Cancelled", "show_alert": False})
    expect(page.get_by_role("status")).to_have_text("Cancelled")


def test_a_voice_note_is_uploaded_whole(page: Page, telegram: TelegramWithPage, tmp_path: Path) -> None:
    (tmp_path / "one.oga").write_bytes(b"OggS" * 500)
    page.get_by_role("button", name="Attach a file").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="Voice note").click()
    chooser.value.set_files(tmp_path / "one.oga")
    expect(page.locator(".mine .file")).to_contain_text("one.oga")
    attachment = anna(telegram).chat.last.attachment
    assert attachment
    assert (attachment.kind, attachment.file.data) == ("voice", b"OggS" * 500)


def test_what_looks_like_html_stays_text(page: Page, telegram: TelegramWithPage) -> None:
    trap = "<img src=x onerror=\"document.title='trapped'\"> & </article>"
    types(page, trap)
    expect(page.locator(".mine .text")).to_have_text(trap)
    assert page.locator("#messages img").count() == 0


def test_one_may_be_somebody_else_with_another_language(page: Page, telegram: TelegramWithPage) -> None:
    page.get_by_label("You are").select_option("Борис")
    expect(page.get_by_label("Language")).to_have_value("ru")
    with page.expect_response("**/page/language"):
        page.get_by_label("Language").select_option("de")
    types(page, "hallo")
    assert telegram.bot.mailbox.pending[-1].content["from"]["language_code"] == "de"


def test_a_group_shows_what_all_write_and_replies_to_it(page: Page, telegram: TelegramWithPage) -> None:
    group = next(chat for chat in telegram.chats if chat.kind == "supergroup")
    note = telegram.users[1].sends_voice(b"OggS", chat=group)
    page.get_by_role("button", name="Team").click()
    page.locator(".message", has_text="Борис").hover()
    page.get_by_role("button", name="reply").click()
    types(page, "@voicebot_bot")
    assert group.last.reply_to is note


def test_other_web_pages_may_not_write_here(page: Page, telegram: TelegramWithPage) -> None:
    headers = {"Origin": "https://example.org"}
    answer = page.request.post(f"{telegram.url}/page/text", data={"chat": "0", "text": "/deploy"}, headers=headers)
    assert answer.status == 403


def test_an_alert_is_shown_until_it_is_read(page: Page, telegram: TelegramWithPage) -> None:
    says(telegram.bot, anna(telegram).chat, "listening …")
    with page.expect_response("**/page/click"):
        page.get_by_role("button", name="Cancel").click()
    (query,) = telegram.bot.queries.values()
    telegram.bot.answers_query(query.id, {"text": "Too late", "show_alert": True})
    alert = page.get_by_role("alertdialog")
    expect(alert).to_contain_text("Too late")
    alert.get_by_role("button", name="OK").click()
    expect(alert).to_be_hidden()


def test_a_message_is_forwarded_to_another_bot_without_its_buttons(page: Page, telegram: TelegramWithPage) -> None:
    says(telegram.bot, anna(telegram).chat, "listening …")
    page.locator(".message").last.hover()
    page.get_by_role("button", name="forward").click()
    with page.expect_response("**/page/forward"):
        page.get_by_role("dialog").get_by_role("button", name="opsbot").click()
    forwarded = anna(telegram).chat_with(telegram.named("opsbot")).last
    assert (forwarded.text, forwarded.buttons, forwarded.sender) == ("listening …", [], anna(telegram))


def test_in_a_group_each_command_names_its_bot(page: Page, telegram: TelegramWithPage) -> None:
    for bot in telegram.bots:
        bot.commands['{"language_code": "", "type": "all_group_chats"}'] = [{"command": "help", "description": "…"}]
    page.get_by_role("button", name="Team").click()
    expect(page.get_by_role("button", name="/help@voicebot_bot")).to_be_visible()
    page.get_by_role("button", name="/help@opsbot_bot").click()
    expect(page.locator(".mine")).to_have_text(re.compile("/help@opsbot_bot"))
    assert [len(bot.mailbox.pending) for bot in telegram.bots] == [0, 1]
