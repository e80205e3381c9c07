"""What was begun is aborted: by who presses the button, or because opsbot is told to end."""

from tests.integration.opsbot.deploys import HANGS, deploys, deploys_up_to
from tests.integration.opsbot.house import House


def test_what_hangs_is_aborted_and_taken_back_and_so_is_what_waits_behind_it(ops: House) -> None:
    first = ops.project.version("version 1")
    ops.project.configure(HANGS)
    hanging = ops.project.version("version 2")
    ops.active()
    ops.answer(deploys(ops, first, "admin"), "serves, after")
    restart = ops["admin"].sends_text("/restart production web")
    ops.answer(restart, "start")
    asked = deploys_up_to(ops, "begin check", hanging)

    ops.presses("admin", "Confirm", restart)
    ops.answer(restart, "number 1 in the queue")
    ops.presses("admin", "Never mind", restart)
    ops.answer(restart, "aborted by admin. Nothing was begun.")
    ops.presses("deployer", "Abort", asked)

    told = ops.answer(asked, "Aborted by deployer.")
    assert "What served before serves now" in told.text
    assert told.labels == ["Try again", "Logs"]
    assert ops.project.answer() == "version 1"
    assert told.chat.answers_to(told) == []  # who aborts it needs no alarm


def test_an_abort_after_the_commit_is_too_late_and_says_so(ops: House) -> None:
    ops.project.configure("env: {MODE: deaf}")  # it does not hear that it is to end
    first, second = ops.project.version("version 1"), ops.project.version("version 2")
    ops.active()
    ops.answer(deploys(ops, first, "admin"), "serves, after")

    asked = deploys_up_to(ops, "end commit", second)
    ops.presses("deployer", "Abort", asked)

    told = ops.answer(asked, "deployer aborted it too late")
    assert f"release 2 of {second[:7]} serves, after" in told.text
    assert ops.project.answer() == "version 2"


def test_told_to_end_it_aborts_what_it_is_at_and_says_so_before(ops: House) -> None:
    ops.project.configure(HANGS)
    hanging = ops.project.version("version 1")
    bot = ops.active()
    asked = deploys_up_to(ops, "begin check", hanging)

    bot.stop()

    assert bot.ends(within=20) == 0
    told = ops.answer(asked, "opsbot was told to end, so it was aborted.", within=0.1)
    assert "Nothing served before, and nothing does now" in told.text
    assert ops.project.containers() == []
