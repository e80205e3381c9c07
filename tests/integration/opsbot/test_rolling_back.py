"""Rollbacks by the button of a message: to the release before, and only from the one that is to be left."""

import asyncio

import shipper
from tests.fakes.telegram import Message
from tests.integration.opsbot.house import House


def test_a_rollback_by_button_leaves_the_release_that_serves_and_freezes_deploys(ops: House) -> None:
    first = ops.project.version("version 1")
    ops.project.configure(release="{commands: [sh -c true], irreversible: drops a table}")
    second, third = ops.project.version("version 2"), ops.project.version("version 3")
    ops.project.deploy(first)
    ops.active()
    deploys = []
    for who, commit in (("admin", second), ("deployer", third)):
        deploys.append(ops[who].sends_text(f"/deploy production {commit[:7]}"))
        ops.presses(who, "Confirm", deploys[-1])
        ops.answer(deploys[-1], f"of {commit[:7]} serves")

    (confirmed,) = [text for text in told(deploys[0]) if "To be confirmed" in text]
    assert "release step on " in confirmed
    assert "⚠️ No way back from release 2: drops a table" in confirmed

    button = ops.presses("admin", "Roll back", deploys[0])
    ops.answer(button.message, f"Release 2 does not serve any more: release 3 of {third[:7]} does.\nNothing was done.")

    button = ops.presses("deployer", "Roll back", deploys[1])
    plan = ops.answer(button.message, f"Release 3 of {third[:7]} → 2 of {second[:7]}")
    assert plan.labels == ["✅ Confirm", "Cancel"]
    ops["deployer"].clicks("Confirm", plan)
    done = ops.answer(button.message, "⚠️ Deploys are frozen: rolled back from release 3 to 2 by deployer.")

    assert f"release 2 of {second[:7]} serves" in done.text
    assert done.labels == ["Lift the freeze", "Logs"]
    assert ops.project.answer() == "version 2"
    (freeze,) = asyncio.run(shipper.freezes(ops.project.opened())).values()
    assert (freeze.performer, freeze.reason) == ("deployer (Telegram)", "rolled back from release 3 to 2 by deployer")
    asked = ops["admin"].sends_text(f"/deploy production {third[:7]}")
    ops.answer(asked, "Deploys are frozen by deployer (Telegram): rolled back from release 3 to 2 by deployer")
    ops["deployer"].clicks("Lift the freeze", done)
    ops.answer(done, "deployer has lifted the freeze of production.")
    again = ops.presses("admin", "Try again", asked)
    ops.answer(again.message, f"Release 2 of {second[:7]} → 4 of {third[:7]}")
    asked = ops["admin"].sends_text("/rollback production 1")
    refused = ops.answer(asked, "There is no way back over release 2: drops a table\nNothing was done")
    assert "from a terminal: shipper rollback 1 --force" in refused.text


def told(asked: Message) -> list[str]:
    """All that the answer to a command ever said."""
    (answer,) = asked.chat.answers_to(asked)
    return answer.texts
