"""--from-ci: what a run of CI is about."""

import subprocess
from pathlib import Path

import pytest

from shipper import open_project
from shipper.errors import UsageError
from shipper.project.ci import revision_of_run
from tests.unit.nouns import FIRST, SECOND

GITHUB = {
    "GITHUB_SHA": FIRST,
    "GITHUB_ACTOR": "ann",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "ann/shop",
    "GITHUB_RUN_ID": "42",
}
GITLAB = {"CI_COMMIT_SHA": SECOND, "GITLAB_USER_LOGIN": "bob", "CI_JOB_URL": "https://gitlab.com/ann/shop/-/jobs/7"}


@pytest.mark.parametrize(("environ", "commit"), [(GITHUB, FIRST), (GITLAB, SECOND)], ids=["GitHub", "GitLab"])
def test_the_commit_of_the_run_counts_unless_a_revision_is_named(environ: dict[str, str], commit: str) -> None:
    assert revision_of_run(environ, None) == commit
    assert revision_of_run(environ, "v1.2") == "v1.2"


def test_what_the_run_does_not_tell_is_named() -> None:
    with pytest.raises(UsageError, match="GITHUB_SHA, GITHUB_RUN_ID are not set") as raised:
        revision_of_run({**GITHUB, "GITHUB_SHA": "", "GITHUB_RUN_ID": ""}, None)

    assert raised.value.exit_code == 2


def test_a_revision_that_is_named_needs_no_commit_of_the_run_but_all_else() -> None:
    without_commit = {**GITLAB, "CI_COMMIT_SHA": ""}

    assert revision_of_run(without_commit, "main") == "main"
    with pytest.raises(UsageError, match="GITLAB_USER_LOGIN is not set"):
        revision_of_run({**without_commit, "GITLAB_USER_LOGIN": ""}, "main")


def test_outside_of_ci_it_says_so() -> None:
    with pytest.raises(UsageError, match="neither GITHUB_SHA nor CI_COMMIT_SHA is set"):
        revision_of_run({"PATH": "/bin"}, None)


def test_what_a_job_left_in_the_folder_makes_no_release_dirty(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        own = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
        return subprocess.run(
            ["git", *own, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    config = tmp_path / "deploy.yaml"
    config.write_text("{service: shop, image: shop, roles: {web: {hosts: [a.example]}}}")
    for arguments in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "one")):
        git(*arguments)
    commit = git("rev-parse", "HEAD").strip()
    config.write_text(config.read_text().replace("a.example", "b.example"))
    (tmp_path / "left-over").write_text("x")

    project = open_project(tmp_path, config_file="deploy.yaml", environ={**GITHUB, "GITHUB_SHA": commit}, from_ci=True)

    assert (project.version, project.hosts) == (commit, ("a.example",))
    assert (project.performer, project.origin) == ("ann", "https://github.com/ann/shop/actions/runs/42")
