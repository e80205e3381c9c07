"""A person with a browser and the real bot: what `make demo-bots` shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.fakes.telegram.__main__ import furnished
from tests.fakes.telegram.page import TelegramWithPage
from tests.speech import voice_note, words
from tests.voicebots import voicebot


@pytest.fixture
def telegram(tmp_path: Path) -> Iterator[TelegramWithPage]:
    """One of its own, with a page and a bot."""
    with furnished(port=0) as made, voicebot(made, f"sqlite:///{tmp_path}/voicebot.db", tmp_path) as bot:
        bot.becomes("active")
        yield made


def test_a_voice_note_that_is_uploaded_in_a_browser_becomes_text_there(
    browser: Browser, telegram: TelegramWithPage, tmp_path: Path
) -> None:
    (tmp_path / "note.oga").write_bytes(voice_note("7294"))
    page = browser.new_page(viewport={"width": 900, "height": 700})
    page.goto(telegram.url)
    page.get_by_role("button", name="/start", exact=True).click()
    expect(page.get_by_role("log")).to_contain_text("Send me a voice message")
    page.get_by_role("button", name="Attach a file").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="Voice note").click()
    chooser.value.set_files(tmp_path / "note.oga")
    expect(page.locator(".message", has_text="Anna: voice")).to_contain_text(words("7294"))
    page.screenshot(path=tmp_path / "chat.png")
