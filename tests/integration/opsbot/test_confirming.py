"""Plans in Telegram: what they tell, who confirms them, and what stands against that."""

from tests.fakes.github import FakeGitHub
from tests.integration.opsbot.house import House


def test_a_deploy_that_another_one_approves_and_a_broken_one_that_changes_nothing(ops: House) -> None:
    good = ops.project.version("version 1")
    ops.configure("approvals: 1, freeze_after_rollback: false")
    ops.active()

    asked = ops["deployer"].sends_text(f"/deploy production {good[:7]}")
    plan = ops.answer(asked, "Waits for approval by admin or approver, until ")
    again = ops["admin"].sends_text(f"/deploy production {good}")
    ops.answer(again, f"deploy of {good[:7]} in production is under way already: deployer asked for it.")

    assert plan.labels == ["✅ Approve", "Refuse", "Withdraw"]
    assert ops.toast("deployer", "Approve", asked) == "Not you, since you asked for it: admin or approver may approve it."
    assert ops.toast("viewer", "Approve", asked) == "This is not for you to press."
    assert ops.toast("admin", "Withdraw", asked) == "Only deployer can withdraw it."
    ops.presses("approver", "Approve", asked)
    done = ops.answer(asked, f"release 1 of {good[:7]} serves")
    assert "By deployer (Telegram), approved by approver, from telegram" in done.text
