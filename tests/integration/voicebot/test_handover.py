"""Two bots, of which one is told to stop: nothing is lost, nothing comes twice or late, and the end comes in time."""

import os
import shutil
from pathlib import Path

import pytest

from tests.bots import BotProcess
from tests.fakes.telegram import DOWNLOAD, Damage
from tests.integration.voicebot.house import HEARD, House
from tests.integration.waiting import eventually
from tests.speech import MODEL, encoded, groups, words

GROUPS = ["72941", "30586", "91827", "46053", "81726", "35409"] * 2
LONG = "\n\n".join(words(group) for group in GROUPS)


def hands_over(house: House, old: BotProcess, new: BotProcess) -> None:
    """Tells the old one to stop, and looks at what must not be."""
    mailbox = house.telegram.bot.mailbox
    assert {poll.name for poll in mailbox.polls} == {"bot1"}
    assert new.says("standby")
    old.stop()
    mailbox.wait_for_poll("bot2")
    assert not mailbox.overlaps
    print(f"nobody polled for {mailbox.gaps()[-1] * 1000:.1f} ms")


@pytest.mark.parametrize("with_lease", [True, False], ids=["with shipper's lease", "without shipper"])
def test_the_old_one_finishes_what_it_has_and_the_new_one_takes_what_comes(
    house: House, tmp_path: Path, with_lease: bool
) -> None:
    (lease := tmp_path / "lease").touch()
    old = house.active(**({"SHIPPER_LEASE": str(lease)} if with_lease else {}))
    if with_lease:
        (house.folder / ".env").write_text(f"SHIPPER_LEASE={lease}\n")  # that is as good
    new = house.start()
    new.becomes("standby")
    with house.telegram.faults.hold(DOWNLOAD, stage="before") as held:
        person = house.telegram.add_user()
        notes = [person.sends_voice(house.new_note(), duration=3) for _ in range(2)]
        assert held.wait(20)
        hands_over(house, old, new)
        notes += [person.sends_voice(house.new_note(), duration=3) for _ in range(2)]
        house.is_heard(notes[-1])
    assert old.ends() == 0
    for note in notes:
        house.is_heard(note)
    house.becomes_idle()
    answered = [answer.reply_to for answer in person.chat.from_bots]
    assert answered == notes
    assert [line["job_id"] for line in old.logged if line["event"] == "begun"] == [1]


def test_what_is_not_done_in_time_is_given_back_with_the_pieces_that_are(house: House) -> None:
    old, new = house.active(DRAIN_SECONDS="0"), house.start()
    new.becomes("standby")
    note = house.somebody_sends(encoded(groups(GROUPS)), duration=50)
    eventually(lambda: len(house.ask("SELECT number FROM pieces")) >= 2, "two pieces", within=20, every=0.002)
    hands_over(house, old, new)
    assert old.ends() == 0
    house.is_heard(note, LONG)
    first, second = house.events("begun")
    assert second["pieces"] >= 2
    assert (first["attempt"], second["attempt"]) == (1, 1)


def test_an_edit_of_a_growing_text_that_is_late_never_comes_after_the_final_one(house: House) -> None:
    old, new = house.active(DRAIN_SECONDS="0"), house.start()
    new.becomes("standby")
    with house.telegram.faults.hold("editMessageText", stage="before") as held:
        note = house.somebody_sends(encoded(groups(GROUPS)), duration=50)
        assert held.wait(20)
        hands_over(house, old, new)
        house.is_heard(house.somebody_sends())  # the new one would have done the other by now, had it been given back
    assert old.ends() == 0
    house.is_heard(note, LONG)
    house.becomes_idle()
    (answer,) = note.chat.from_bots
    assert answer.text == LONG


def test_a_download_that_hangs_keeps_nobody_from_ending(house: House) -> None:
    old = house.active(DRAIN_SECONDS="0.2")
    house.telegram.faults.damage_download(Damage.STALLS)
    note = house.somebody_sends()
    eventually(lambda: any(house.scratch.rglob("recording")), "the download")
    old.stop()
    assert old.ends(within=15) == 0
    house.active()
    house.is_heard(note)


def test_a_pause_of_minutes_that_telegram_asks_for_keeps_nobody_from_ending(house: House) -> None:
    old = house.active()
    paused = house.telegram.faults.limit("sendMessage", 300)
    note = house.somebody_sends()
    eventually(lambda: bool(paused.calls), "the call", within=20)
    house.logs(old, "not_sent_yet")
    old.stop()
    assert old.ends(within=15) == 0
    house.active()
    house.is_heard(note)


def test_a_call_without_an_answer_keeps_nobody_from_ending(house: House) -> None:
    old = house.active(DRAIN_SECONDS="0")
    with house.telegram.faults.hold("sendMessage", stage="before") as held:
        note = house.somebody_sends()
        assert held.wait(20)
        old.stop()
        assert old.ends(within=20) == 0
    house.active()
    house.is_heard(note)


def test_told_to_stop_in_standby_it_ends_without_having_done_anything(house: House) -> None:
    house.active()
    second = house.start()
    second.becomes("standby")
    second.stop()
    assert second.ends() == 0
    assert {poll.name for poll in house.telegram.bot.mailbox.polls} == {"bot1"}
    house.is_heard(house.somebody_sends())
    assert HEARD


def test_told_to_stop_while_its_model_is_loaded_it_ends_at_once(house: House, tmp_path: Path) -> None:
    """One whose file does not come to an end, like a long download."""
    model = shutil.copytree(MODEL, tmp_path / "model")
    (file := model / "model.bin").unlink()
    os.mkfifo(file)
    bot = house.start(WHISPER_MODEL=str(model))
    bot.becomes("starting")
    with file.open("wb"):  # waits for who reads it
        bot.stop()
        assert bot.ends(within=10) == 0
