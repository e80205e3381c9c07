"""python -m opsbot check and config: true, in a line for each thing, and without secrets."""

import json

from tests.integration.opsbot.house import House

_OF_NO_USE = """\
environments: { production: { destination: absent }, staging: {} }
people: { nobody: { may: admin, id: 0 } }
watch: { chat: -5 }
github: { repository: me/it, api: "http://127.0.0.1:1" }
"""


def test_what_could_run_is_told_line_by_line_and_nothing_is_made(ops: House) -> None:
    code, lines = ops.run("check", SSH_KEY_FILE=str(ops.project.server.key))

    assert lines == [
        "✓  people     admin, deployer, approver, viewer; commands are taken from them in private",
        "✓  watch      nobody is told of what is down: `watch` is not set, or its chat is 0",
        f"✓  database   {ops.folder}/opsbot.db will be made",
        "✓  Telegram   @voicebot_bot",
        f"✓  SSH key    {ops.project.server.key}",
        f"✓  production {ops.project.service} on {ops.project.server.address}: nothing serves yet",
    ]
    assert code == 0
    assert not (ops.folder / "opsbot.db").exists()


def test_what_is_wrong_is_told_and_the_rest_is_looked_at_all_the_same(ops: House) -> None:
    ops.project.write("config/opsbot.yaml", _OF_NO_USE)
    ops.project.host_name = "127.0.0.1:1"
    ops.project.configure()

    code, lines = ops.run(
        "check",
        TELEGRAM_API="http://127.0.0.1:1",
        DATABASE_URL="sqlite:////etc/hostname/opsbot.db",
        GITHUB_TOKEN="ghp_" + "x" * 36,
    )

    begins = [
        "✗  people     nobody may do anything: ",
        "✗  watch      -5 is neither one of `chats` nor of `people`",
        "✗  database   /etc/hostname/opsbot.db cannot be made",
        "✗  Telegram   http://127.0.0.1:1 cannot be reached",
        "✗  GitHub     me/it, with GITHUB_TOKEN: ",
        "✗  production config/deploy.absent.yaml",
        "✗  staging    127.0.0.1:1: the connection was refused",
    ]
    assert [line[: len(begin)] for line, begin in zip(lines, begins, strict=True)] == begins
    assert "xxxx" not in "\n".join(lines)
    assert code == 2
    code, lines = ops.run()
    assert (code, len(lines)) == (2, 1)
    assert "config/opsbot.yaml: nobody may do anything: " in lines[0]


def test_a_key_that_cannot_be_read_is_said_and_opsbot_does_not_start_with_it(ops: House) -> None:
    public = f"{ops.project.server.key}.pub"
    code, lines = ops.run("check", SSH_KEY_FILE=public)
    assert (code, lines[-1]) == (
        2,
        f"✗  SSH key    SSH_KEY_FILE: {public} holds no private key. The public half, .pub, is for the servers.",
    )

    said = "SSH_KEY_FILE: /nowhere cannot be read: No such file or directory."
    code, lines = ops.run("check", SSH_KEY_FILE="/nowhere")
    assert (code, lines[-1]) == (
        2,
        f"✗  SSH key    {said} Mount the key there, readable by the user that opsbot runs as.",
    )

    code, lines = ops.run(SSH_KEY_FILE="/nowhere")
    assert code == 2
    told = json.loads(lines[-1])
    assert (told["event"], told["reason"].splitlines()[0]) == ("cannot_run", said)


def test_the_config_that_is_in_force_is_printed_without_a_token(ops: House) -> None:
    code, lines = ops.run("config", BOT_TOKEN="")
    assert json.loads("\n".join(lines))["environments"]["production"]["confirm_within"] == "300s"
    assert code == 0

    ops.configure(production="approvals: 2, colour: red")
    code, lines = ops.run("config", BOT_TOKEN="")
    assert [line.partition(": ")[2].partition(":")[0] for line in lines[:2]] == [
        "environments.production.approvals",
        "environments.production.colour",
    ]
    assert code == 2
