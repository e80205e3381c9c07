"""A person with a browser and the real bot: `make demo-bots`."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.speech import voice_note, words


@pytest.fixture
def demo(_parts: None) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.demo_bots"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def address(demo: "subprocess.Popen[str]") -> str:
    said = ""
    for line in demo.stdout or ():
        said += line
        if found := re.search(r"^chat at +(http:\S+)", line):
            return found[1]
    raise AssertionError(f"the demo ended:\n{said}")


def sends_voice_note(page: Page, note: Path) -> None:
    page.get_by_role("button", name="Attach a file").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="Voice note").click()
    chooser.value.set_files(note)


def test_a_voice_note_that_is_uploaded_in_a_browser_becomes_text_there(
    browser: Browser, demo: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    (tmp_path / "note.oga").write_bytes(voice_note("318"))
    page = browser.new_page(viewport={"width": 900, "height": 900})
    page.goto(address(demo))
    expect(page.get_by_role("log")).to_contain_text("Send me a voice message")
    expect(page.get_by_role("log")).to_contain_text(words("7294"))  # the demo itself sent that one
    sends_voice_note(page, tmp_path / "note.oga")
    expect(page.locator(".message", has_text="Anna: voice").last).to_contain_text(words("318"))
    page.screenshot(path=tmp_path / "chat.png")
    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=30)
    assert (demo.returncode, "Traceback" in output) == (0, False), output
