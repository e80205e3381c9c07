"""A deploy that CI began, shown by shipper in a group where opsbot answers its button."""

from tests.integration.opsbot.house import House

RUN = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "octo/shop",
    "GITHUB_RUN_ID": "7",
    "GITHUB_ACTOR": "octocat",
}


def test_a_deploy_from_ci_is_told_in_the_group_and_rolled_back_by_its_button(ops: House) -> None:
    group = ops.telegram.add_group("Team")
    told = f"{{chat: {group.id}, token: {{env: OPSBOT_TOKEN}}, buttons: true, api: {ops.telegram.url}}}"
    ops.project.configure(notify=f"{{team: {{telegram: {told}}}}}")
    ops.configure(more=f"chats: [{{ id: {group.id} }}]")
    first, second = ops.project.version("version 1"), ops.project.version("version 2")
    ops.project.deploy(first)
    ops.active()

    ops.project.deploy(second, OPSBOT_TOKEN=ops.telegram.bot.token, **RUN)
    message = group.wait_for(f"release 2 of {second[:7]} serves")
    assert "By octocat, from CI" in message.text
    refused = ops["viewer"].clicks("Roll back", message)
    group.wait_until(lambda: refused.answer, "an answer to who may not")
    ops["deployer"].clicks("Roll back", message)
    plan = ops.answer(message, f"Release 2 of {second[:7]} → 1 of {first[:7]}")
    ops["deployer"].clicks("Confirm", plan)
    ops.answer(message, f"release 1 of {first[:7]} serves")

    assert ops.project.answer() == "version 1"
    assert ops.decisions() == [
        ("viewer", "refused", "the button roll-back", "This is not for you to press."),
        ("deployer", "confirmed", "rollback from release 2 in production", ""),
    ]
