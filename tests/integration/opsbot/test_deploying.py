"""Deploys from Telegram, by the real opsbot, to a real server."""

from tests.integration.opsbot.house import House


def test_a_deploy_is_planned_confirmed_and_seen(ops: House) -> None:
    commit = ops.project.version("version 1")
    ops.active()

    asked = ops["deployer"].sends_text(f"/deploy production {commit[:7]}")
    ops.presses("deployer", "Confirm", asked)
    ops.answer(asked, f"{ops.project.service}: release 1 of {commit[:7]} serves")

    assert ops.project.answer() == "version 1"
