"""Plans in Telegram: what they tell, who confirms them, and what stands against that."""

from tests.fakes.github import FakeGitHub
from tests.integration.opsbot.house import House


def test_what_another_one_approves_is_deployed_and_a_broken_release_changes_nothing(ops: House) -> None:
    good = ops.project.version("version 1")
    ops.configure("approvals: 1")
    ops.active()

    asked = ops["deployer"].sends_text(f"/deploy production {good[:7]}")
    plan = ops.answer(asked, "Waits for approval by admin or approver, until ")
    again = ops["admin"].sends_text(f"/deploy production {good}")
    ops.answer(
        again, f"deploy of {good[:7]} in production: its plan waits to be confirmed already; deployer asked for it."
    )

    assert plan.labels == ["✅ Approve", "Refuse", "Withdraw"]
    only_others = "Not you, since you asked for it: admin or approver may approve it."
    assert ops.toast("deployer", "Approve", asked) == only_others
    assert ops.toast("viewer", "Approve", asked) == "This is not for you to press."
    assert ops.toast("admin", "Withdraw", asked) == "Only deployer can withdraw it."
    assert ops.toast("approver", "Approve", asked) == ""
    done = ops.answer(asked, f"release 1 of {good[:7]} serves")
    assert "By deployer (Telegram), approved by approver\n" in done.text

    ops.project.write("app.sh", "echo no such table; exit 3")
    bad = ops.project.version("version 2")
    asked = ops["deployer"].sends_text(f"/deploy production {bad[:7]}")
    plan = ops.answer(asked, "Waits for approval")
    ops.presses("admin", "Approve", asked)
    failed = ops.answer(asked, "What served before serves now.")

    assert "no such table" in failed.text
    assert f"release 1 of {good[:7]}" in failed.text
    assert failed.labels == ["Try again", "Logs"]
    asked.chat.wait_for_answer(failed, "failed")  # a message of its own makes a sound
    assert ops.project.answer() == "version 1"


def test_a_red_commit_is_refused_unless_forced_and_a_plan_that_changed_is_confirmed_anew(ops: House) -> None:
    first, second = ops.project.version("version 1"), ops.project.version("version 2")
    with FakeGitHub("me/shop") as github:
        for sha in (first, second):
            github.commits(f"About {sha[:7]}", sha=sha)
        github.says(second, "tests", "failure")
        ops.configure("confirm_within: 1m", f"github: {{ repository: me/shop, api: '{github.url}' }}")
        ops.active()
        github.is_silent = True
        slow = ops["deployer"].sends_text(f"/deploy production {first}")
        assert ops.answer(slow, "CI: asking GitHub").labels == ["Cancel"]
        github.is_silent = False

        asked = ops["admin"].sends_text("/deploy production latest")
        refused = ops.answer(asked, "CI is red: tests.")
        assert f"/deploy production {second[:7]} force REASON" in refused.text
        assert not refused.labels

        asked = ops["admin"].sends_text(f"/deploy production {second[:7]} force the site is <down>")
        plan = ops.answer(asked, "Forced by admin: the site is <down>")
        assert "❌ CI is red: tests" in plan.text
        ops.project.deploy(first)
        ops.presses("admin", "Confirm", asked)
        changed = ops.answer(asked, "The world changed since that plan was confirmed.")
        assert f"Release 1 of {first[:7]} → 2 of {second[:7]}" in changed.text
        assert f"1 commit\n• {second[:7]} About {second[:7]}, Ann" in changed.text
        ops.presses("admin", "Confirm", asked)
        ops.answer(asked, f"release 2 of {second[:7]} serves")
        assert ops.answer(slow, "did not answer within 4 s").labels == ["✅ Confirm", "Cancel"]

    ops.lets_plans_run_out()
    assert ops.answer(slow, "nobody confirmed it in time. Nothing was done.").labels == ["Plan it again"]
    assert ops.decisions() == [
        ("admin", "refused", f"deploy of {second[:7]} in production", "CI is red: tests"),
        ("admin", "confirmed", f"deploy of {second[:7]} in production", "the site is <down>"),
        ("admin", "confirmed", f"deploy of {second[:7]} in production", "the site is <down>"),
    ]
    assert "admin (Telegram), forced: the site is <down>" in ops.project.shipper("history").output


def test_two_deploys_that_are_confirmed_at_once_go_one_after_the_other(ops: House) -> None:
    ops.project.configure("gate: {http: {port: 8080, path: /up}, deadline: 5s, interval: 50ms, settle: 1s}")
    first, second = ops.project.version("version 1"), ops.project.version("version 2")
    ops.active()
    mine = ops["admin"].sends_text(f"/deploy production {first}")
    yours = ops["deployer"].sends_text(f"/deploy production {second}")
    for asked in (mine, yours):
        ops.answer(asked, "To be confirmed until")

    ops.presses("admin", "Confirm", mine)
    ops.answer(mine, f"deploy of {first[:7]}, ")
    ops.presses("deployer", "Confirm", yours)

    place = f"number 1 in the queue, after the deploy of {first[:7]} in production by admin."
    assert ops.answer(yours, place).labels == ["Never mind"]
    changed = ops.answer(yours, "The world changed since that plan was confirmed.")
    assert f"Release 1 of {first[:7]} → 2 of {second[:7]}" in changed.text
    ops.presses("deployer", "Cancel", yours)
    ops.answer(yours, "withdrawn. Nothing was done.")
    assert ops.project.answer() == "version 1"
