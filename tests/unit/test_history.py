"""Who deployed, from where, and what the journals tell of it later."""

import getpass
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import shipper
from shipper.model.records import PastDeploy
from shipper.operations.reads import past_deploys
from tests.unit.nouns import FIRST

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "ann/shop",
    "GITHUB_RUN_ID": "42",
    "GITHUB_ACTOR": "ann",
}
GITLAB = {"GITLAB_CI": "true", "CI_JOB_URL": "https://gitlab.com/ann/shop/-/jobs/7", "GITLAB_USER_LOGIN": "bob"}
DEPLOY: dict[str, Any] = {
    "at": "2026-03-01T12:00:00.000+00:00",
    "event": "deploy",
    "deploy": "0aaa",
    "performer": "ann",
    "title": "release 1 of 1111111",
}
OUTCOME: dict[str, Any] = {"event": "outcome", "deploy": "0aaa", "kind": "deployed"}


@pytest.mark.parametrize(
    ("environ", "performer", "origin"),
    [
        (GITHUB, "ann", "https://github.com/ann/shop/actions/runs/42"),
        (GITLAB, "bob", "https://gitlab.com/ann/shop/-/jobs/7"),
        ({}, f"{getpass.getuser()}@{platform.node()}", "terminal"),
        ({"GITHUB_REPOSITORY": "ann/shop"}, f"{getpass.getuser()}@{platform.node()}", "terminal"),
    ],
    ids=["GitHub Actions", "GitLab CI", "a terminal", "a part of GitHub's variables"],
)
def test_the_environment_tells_who_deploys_and_from_where(
    environ: dict[str, str], performer: str, origin: str, tmp_path: Path
) -> None:
    (tmp_path / "deploy.yaml").write_text("{service: shop, image: shop, roles: {web: {hosts: [a.example]}}}")
    project = shipper.open_project(tmp_path, config_file="deploy.yaml", environ=environ)
    assert (project.performer, project.origin) == (performer, origin)


def test_a_program_can_say_who_deploys_and_from_where(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text("{service: shop, image: shop, roles: {web: {hosts: [a.example]}}}")

    project = shipper.open_project(
        tmp_path, config_file="deploy.yaml", environ=GITHUB, performer="ann (Telegram)", origin="telegram"
    )

    assert (project.performer, project.origin) == ("ann (Telegram)", "telegram")


def test_history_has_origin_and_version() -> None:
    entry = {**DEPLOY, "origin": "telegram", "version": FIRST}

    assert past_deploys("a.example", (entry, OUTCOME)) == [
        PastDeploy(
            host_name="a.example",
            deploy_id="0aaa",
            begun_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
            performer="ann",
            origin="telegram",
            version=FIRST,
            title="release 1 of 1111111",
            outcome="deployed",
        )
    ]


def test_history_reads_journals_that_are_older_than_origin_and_version() -> None:
    (deploy,) = past_deploys("a.example", (DEPLOY, OUTCOME))

    assert (deploy.origin, deploy.version, deploy.short_version, deploy.outcome) == ("", "", "", "deployed")


@pytest.mark.parametrize(
    ("command", "kind", "exit_code", "expected"),
    [
        ("deploy", "deployed", 0, "deployed"),
        ("deploy", "failed", 20, "failed"),
        ("deploy", "failed", 130, "interrupted"),
        ("deploy", "failed", 21, "failed"),  # interrupted, perhaps, but what served does not serve
        ("rollback", "deployed", 0, "rolled back"),
        ("rollback", "failed", 130, "interrupted"),
        ("rollback", "unchanged", 0, "unchanged"),
    ],
)
def test_history_tells_a_rollback_and_an_interrupt_from_a_deploy_and_a_failure(
    command: str, kind: str, exit_code: int, expected: str
) -> None:
    ended = {**OUTCOME, "command": command, "kind": kind, "exit_code": exit_code}

    assert [deploy.outcome for deploy in past_deploys("a.example", ({**DEPLOY, "command": command}, ended))] == [
        expected
    ]


def test_a_deploy_that_came_in_the_same_second_as_a_stop_does_not_end_it() -> None:
    entries = [{**entry, "command": command} for command in ("stop", "deploy") for entry in (DEPLOY, OUTCOME)]
    entries[1]["kind"] = "stopped"

    assert [deploy.outcome for deploy in past_deploys("a.example", tuple(entries))] == ["stopped", "deployed"]
