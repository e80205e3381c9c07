"""What looks and asks, of one project that is deployed already, in one conversation after the other."""

import re
import sqlite3
from collections.abc import Iterator

import pytest

from tests.fakes.telegram import Chat
from tests.integration.conftest import Project, project_in
from tests.integration.forkserver import ForkServer
from tests.integration.opsbot.house import House, house
from tests.integration.shelf import Shelf
from tests.machines import Machine

MORE = """\
  staging: { destination: staging }
chats:
  - { id: %d, environments: [production] }
"""


@pytest.fixture(scope="module")
def deployed(
    laptop: Machine,
    server: Machine,
    fork_server: ForkServer,
    shelf: Shelf,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """Two releases, of which the second serves."""
    with project_in(tmp_path_factory.mktemp("looks"), laptop, server, fork_server, shelf) as made:
        made.write("config/deploy.staging.yaml", "roles: {web: {memory: 48m}}\n")
        made.version("version 1")
        made.deploy()
        made.version("version 2")
        made.deploy()
        yield made


@pytest.fixture(scope="module")
def ops(deployed: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(deployed, tmp_path_factory.mktemp("opsbot")) as made:
        made.configure(more=MORE % made.telegram.add_group("Team").id)
        made.active()
        yield made


@pytest.fixture
def team(ops: House) -> Chat:
    """A group where commands are about production only."""
    return next(chat for chat in ops.telegram.chats if chat.title == "Team")


def version(project: Project, parent: int = 0) -> str:
    return project.git("rev-parse", f"HEAD~{parent}")[:7]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("/status production", r"🟢 web on {host}: healthy\nrelease 2 of {new}, started .* ago\n.*\n\n💾 {host}: "),
        ("/Status staging", r"🔴 web on {host}: nothing serves\n"),
        (
            "/releases production",
            r"▶️ 2 {new} deployed, .*\n.*\nserves\n• 1 {old} deployed.*\n.*\na rollback goes here$",
        ),
        (
            "/history production",
            r"✅ release 1 of {old}: deployed in .* s, by .*\n.* ✅ release 2 of {new} replaces .*$",
        ),
        ("/env production", r"web on {host}, compared with release 2\n"),
        ("/logs production web", r"logs of web in production: 1 line\n\d\d:\d\d:\d\d starting in mode well"),
    ],
    ids=lambda value: value.split()[0][1:] if value.startswith("/") else "",
)
def test_what_looks_is_answered(ops: House, command: str, told: str) -> None:
    project = ops.project
    asked = ops["viewer"].sends_text(command)
    expected = told.format(host=re.escape(project.host_name), new=version(project), old=version(project, 1))
    looked = asked.chat.wait_until(
        lambda: next((answer for answer in asked.chat.answers_to(asked) if not answer.text.startswith("⏳")), None),
        "an answer",
    )
    assert re.search(expected, looked.text), looked.text


def test_many_lines_come_as_a_file_beside_the_last_ones(ops: House) -> None:
    ops.project.say("web", *[f"line {number}" for number in range(1, 41)], "the secret of <life>")

    asked = ops["viewer"].sends_text("/logs production web 41")
    answer = ops.answer(asked, "41 lines, as a file; the last ones:")
    assert answer.text.endswith("the secret of <life>")

    sent = asked.chat.wait_until(lambda: asked.chat.last.attachment, "a file")
    assert (sent.kind, sent.file.name) == ("document", "web-production.txt")
    assert len(sent.file.data.splitlines()) == 41
    assert asked.chat.last.reply_to in (asked, answer)

    asked = ops["viewer"].sends_text("/logs production web 5 secret.*<")
    assert re.search(r": 1 line with secret\.\*<\n\S+ the secret of <life>$", ops.answer(asked, "1 line with").text)


def test_what_cannot_be_masked_is_not_shown_in_a_chat(ops: House) -> None:
    record = ops.project.state / "releases/2"
    record.rename(hidden := record.with_name(".2"))
    try:
        asked = ops["viewer"].sends_text("/logs production web")
        told = ops.answer(asked, "the record of release 2 cannot be read").text
    finally:
        hidden.rename(record)
    assert told.startswith("logs of web in production: no lines\n⚠️ ")
    assert told.endswith("so what it wrote is not shown: secrets in it could not be masked.")


def test_the_environment_is_asked_for_where_there_are_several(ops: House) -> None:
    asked = ops["viewer"].sends_text("/status")
    assert ops.answer(asked, "In which environment?").labels == ["production", "staging", "Never mind"]
    ops.presses("viewer", "production", asked)
    ops.answer(asked, "🟢 web on")


def test_the_commit_is_asked_for_with_those_that_servers_have(ops: House) -> None:
    asked = ops["admin"].sends_text("/deploy production")
    latest, *commits, never = ops.answer(asked, "Which commit?").labels
    assert (latest, never) == ("latest", "Never mind")
    of_second, of_first = (next(text for text in commits if text.startswith(version(ops.project, n))) for n in (0, 1))
    assert of_second.endswith("ago · serves")
    assert of_first.endswith(" ago")

    ops.presses("admin", version(ops.project, 1), asked)
    ops.presses("admin", "Cancel", asked)
    ops.answer(asked, "withdrawn")


def test_the_release_is_asked_for_with_those_that_it_can_go_back_to(ops: House) -> None:
    asked = ops["deployer"].sends_text("/rollback production")
    release, _ = ops.answer(asked, "To which release?").labels
    assert release.startswith(f"1 · {version(ops.project, 1)} · ")

    refused = ops.presses("approver", "1 ·", asked)
    assert asked.chat.wait_until(lambda: refused.answer, "an answer")["text"] == "deployer was asked."
    ops.presses("deployer", "1 ·", asked)
    ops.presses("deployer", "Cancel", asked)
    ops.answer(asked, "rollback to release 1 in production: withdrawn")


def test_the_role_is_asked_for_with_those_of_the_config(ops: House) -> None:
    asked = ops["viewer"].sends_text("/logs production")
    assert ops.answer(asked, "Which role?").labels == ["web", "Never mind"]
    ops.presses("viewer", "Never mind", asked)
    ops.answer(asked, "withdrawn. Nothing was done.")


def test_a_question_that_nobody_answers_ends(ops: House) -> None:
    asked = ops["viewer"].sends_text("/logs")
    ops.answer(asked, "In which environment?")
    with sqlite3.connect(ops.folder / "opsbot.db", timeout=10) as database:
        database.execute("UPDATE requests SET expires_at = 1 WHERE phase = 'asking'")
    ops.answer(asked, "nobody chose in time")
    ops.presses("viewer", "Ask again", asked)
    ops.answer(ops.answer(asked, "nobody chose in time"), "In which environment?")


def test_deploys_are_frozen_at_once_and_everybody_sees_who_lifts_that(ops: House, team: Chat) -> None:
    asked = ops["deployer"].sends_text("/lock production release party 2h", chat=team)
    told = ops.answer(asked, "🧊 production is frozen until ")
    assert "UTC: release party\nBy deployer." in told.text
    assert (ops.project.state / "freeze").exists()

    refused = ops.presses("viewer", "Lift the freeze", asked)
    assert team.wait_until(lambda: refused.answer, "an answer")["text"] == "This is not for you to press."
    ops.presses("admin", "Lift the freeze", asked)
    ops.answer(told, "🔓 admin has lifted the freeze of production.\nIt was frozen by deployer (Telegram) until ")
    assert not (ops.project.state / "freeze").exists()
    ops.answer(ops["admin"].sends_text("/unlock production"), "production is not frozen; nothing was done.")

    history = ops.answer(ops["viewer"].sends_text("/history production"), "the newest last").text
    assert "👤 deployer: lock done (release party until " in history
    assert "👤 admin: unlock done" in history


def test_an_abort_ends_what_waits_and_else_tells_that_nothing_is_under_way(ops: House) -> None:
    asked = ops["deployer"].sends_text("/restart production web")
    asked.chat.wait_until(lambda: any("Confirm" in text for text in ops.answer(asked, "").labels), "a plan")
    aborted = ops["admin"].sends_text("/abort production")
    ops.answer(aborted, "restart of web in production by deployer: nothing of it was begun")
    assert ops.answer(asked, "aborted by admin. Nothing was begun.").labels == []
    ops.answer(ops["admin"].sends_text("/abort production"), "Nobody holds the lock")


def test_a_menu_has_what_one_may_use(ops: House, team: Chat) -> None:
    def offered(who: str, group: Chat | None = None) -> list[str]:
        return [command["command"] for command in ops[who].commands_of(ops.telegram.bot, group)]

    looks = ["plan", "status", "releases", "history", "logs", "env", "whoami", "help"]
    ops["viewer"].chat.wait_until(lambda: offered("viewer", team), "the last menu")
    assert offered("viewer") == offered("viewer", team) == looks
    assert {"deploy", "lock", "restart"} <= set(offered("deployer", team))

    stranger = ops.telegram.add_user("Stranger")
    assert stranger.commands_of(ops.telegram.bot) == []
