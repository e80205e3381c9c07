"""Secrets show nowhere, whatever goes wrong: not in the log, not in the database, not in Telegram."""

import json
import secrets
from pathlib import Path
from typing import Any

import asyncssh

from tests.fakes.github import FakeGitHub
from tests.integration.opsbot.gate import COMMIT, Gate, gate
from tests.integration.waiting import eventually

_TOP = """\
ssh: { user: deploy, key_env: DEPLOY_KEY }
registry: { username: me, password: { env: REGISTRY_PASSWORD } }
secrets: { DATABASE_KEY: }
"""


def test_no_secret_shows_though_ssh_github_and_telegram_fail(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    hidden = {name: secrets.token_hex(20) for name in ("DATABASE_KEY", "REGISTRY_PASSWORD", "GITHUB_TOKEN")}
    (file := tmp_path / "key").write_text(broken := key.replace("b3BlbnNzaC1rZXktdjE", "x"))
    environ: dict[str, Any] = {"SSH_KEY_FILE": str(file), "LOG_LEVEL": "debug", **hidden}
    (folder := tmp_path / "opsbot").mkdir()
    with FakeGitHub("octo/shop", token="another") as github:
        more = f"github: {{ repository: octo/shop, api: '{github.url}' }}"
        with gate(folder, deployers=3, top=_TOP, more=more, **environ) as made:
            assert "key" in fails(made, f"/deploy production {COMMIT}")
            file.write_text(key)
            assert "127.0.0.1" in fails(made, f"/deploy production {COMMIT}")  # who closes the connection
            fails(made, "/deploy production latest")

            made.telegram.bot.is_revoked = True
            made.viewer.sends_text("/whoami")  # ends the poll that waits
            eventually(lambda: "token_refused" in made.bot.log, "a poll that is refused")
            eventually(lambda: "not_shown_yet" in made.bot.log, "a message that is refused")
            made.telegram.bot.is_revoked = False

            shown = {
                "the log": made.bot.log,
                "the database": "".join(part.read_bytes().decode("latin-1") for part in folder.glob("opsbot.db*")),
                "Telegram": json.dumps([call.parameters.values for call in made.telegram.calls]),
            }
            hidden["BOT_TOKEN"] = made.telegram.bot.token.partition(":")[2]
    lines = [line for text in (key, broken) for line in text.splitlines() if len(line) > 30 and "-----" not in line]
    for place, text in shown.items():
        assert [name for name, value in hidden.items() if value in text] == [], place
        assert [line for line in lines if line in text or json.dumps(line) in text] == [], place


def fails(made: Gate, command: str) -> str:
    """What is said to that."""
    deployer = next(made.deployers)
    return deployer.chat.wait_for_answer(deployer.sends_text(command), "❌", within=20).text
