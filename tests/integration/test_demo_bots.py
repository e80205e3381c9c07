"""`make demo-bots`: people with a browser, and both real bots. Keeps screenshots; `make screenshots` those in docs/."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.speech import voice_note, words


@dataclass(frozen=True, kw_only=True)
class Demo:
    said: str

    @property
    def url(self) -> str:
        (found,) = re.findall(r"^chat at +(\S+)", self.said, re.MULTILINE)
        return str(found)

    @property
    def folder(self) -> Path:
        """Of all that it makes."""
        found = re.search(r"(/\S+)/ci deploy", self.said)
        assert found
        return Path(found[1])

    @property
    def commits(self) -> list[str]:
        return re.findall(r"^  ([0-9a-f]{7})  ", self.said, re.MULTILINE)


@pytest.fixture(scope="module")
def demo(_parts: None) -> Iterator[Demo]:
    """Ended by Ctrl-C."""
    command = [sys.executable, "-m", "tests.demo_bots"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield (made := Demo(said=_said(process)))
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=120)
            assert (process.returncode, "Traceback" in output) == (0, False), output
            assert not made.folder.exists()
        finally:
            process.kill()


def _said(process: "subprocess.Popen[str]") -> str:
    """Until all is there."""
    said = ""
    for line in process.stdout or ():
        said += line
        if line.startswith("chat at"):
            return said
    raise AssertionError(f"the demo ended:\n{said}")


@pytest.fixture
def chat(browser: Browser, demo: Demo, tmp_path: Path) -> Iterator["Chat"]:
    page = browser.new_page(viewport={"width": 460, "height": 980}, device_scale_factor=1.25, locale="en-GB")
    page.goto(demo.url)
    yield Chat(page=page, pictures=Path(os.environ.get("SCREENSHOTS", tmp_path)))
    page.close()


@dataclass(frozen=True, kw_only=True)
class Chat:
    page: Page
    pictures: Path

    def be(self, name: str) -> None:
        self.page.get_by_label("You are").select_option(name)

    def open(self, title: str) -> None:
        chats = self.page.get_by_role("navigation").get_by_role("button")
        chats.filter(has=self.page.get_by_text(title, exact=True)).click()
        expect(self.page.get_by_role("heading")).to_have_text(title)

    def type(self, text: str) -> None:
        self.page.get_by_role("textbox", name="Message").fill(text)
        self.page.get_by_role("button", name="Send").click()
        expect(self.page.locator(".mine").last).to_contain_text(text)

    def attach(self, kind: str, file: Path) -> None:
        self.page.get_by_role("button", name="Attach a file").click()
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("menuitem", name=kind).click()
        chooser.value.set_files(file)

    def message(self, text: str) -> Locator:
        return self.page.locator(".message:not(.mine)", has_text=text).last

    def button(self, label: str) -> Locator:
        return self.page.get_by_role("main").get_by_role("button", name=label).last

    def press(self, label: str) -> None:
        self.button(label).click()

    def keep(self, name: str) -> None:
        self.page.mouse.move(0, 0)
        self.page.get_by_role("main").screenshot(path=self.pictures / f"{name}.png")


def test_a_voice_note_that_is_uploaded_in_a_browser_becomes_text_there(chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "note.oga").write_bytes(voice_note("318"))
    expect(chat.page.get_by_role("log")).to_contain_text("Send me a voice message")
    expect(chat.page.get_by_role("log")).to_contain_text(words("7294"))  # the demo itself sent that one
    chat.attach("Voice note", tmp_path / "note.oga")
    expect(chat.page.locator(".message", has_text="Anna: voice").last).to_contain_text(words("318"))
    chat.keep("voicebot")


def test_a_deploy_is_approved_followed_and_rolled_back_in_a_browser(demo: Demo, chat: Chat) -> None:
    first, second, broken, _ = demo.commits
    chat.open("Team")

    chat.type(f"/deploy production {second}")
    expect(chat.button("✅")).to_be_visible()
    chat.keep("opsbot-plan")
    chat.be("Борис")
    chat.press("✅")
    expect(chat.message("Abort")).to_contain_text(f"Release 1 of {first} → 2 of {second}")
    chat.keep("opsbot-during")
    expect(chat.message("Roll back")).to_contain_text(f"release 2 of {second} serves")
    expect(chat.page.locator(".message:not(.mine)", has_text=f"of {second} serves")).to_have_count(1)
    chat.keep("opsbot-after")
    chat.be("Anna")
    chat.press("Roll back")

    chat.open("opsbot")  # meanwhile: in a group each message waits for its turn
    chat.type(f"/deploy staging {broken}")
    chat.press("✅")
    expect(chat.message("FATAL: lost the queue")).to_contain_text("What served before serves now")
    chat.keep("opsbot-refused")

    chat.open("Team")
    chat.be("Борис")
    chat.press("✅")
    expect(chat.message(f"of {first} serves")).to_contain_text("approved by Boris")
