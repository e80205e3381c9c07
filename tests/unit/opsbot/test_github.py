"""opsbot asks a GitHub over HTTP: an answer or, in time, one exception that tells why there is none."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from pydantic import SecretStr

from opsbot.commits import MOST_SUBJECTS, Check, Checks, Commit, Comparison, Verdict
from opsbot.github import GitHub, GitHubUnavailable
from tests.fakes.github import FakeGitHub

TOKEN = "github_pat_11ABCDEFG0"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeGitHub]:
    with FakeGitHub("octo/shop", token=TOKEN) as github:
        yield github


@pytest.fixture
def github(server: FakeGitHub) -> FakeGitHub:
    server.forgets_all()
    return server


def asked(github: FakeGitHub, *, token: str = TOKEN, patience: float = 4.0) -> GitHub:
    return GitHub("octo/shop", SecretStr(token), github.url, patience=patience)


async def refusal(github: GitHub, sha: str = "abcd") -> str:
    with pytest.raises(GitHubUnavailable) as refused:
        async with github:
            await github.commit(sha)
    return str(refused.value)


async def test_the_latest_commit_is_the_head_of_the_branch(github: FakeGitHub) -> None:
    github.commits("Begin")
    sha = github.commits("Sell tea\n\nAnd not only coffee.", at=datetime(2026, 3, 1, 14, 0, tzinfo=UTC))
    github.commits("Try beer", branch="release/2")

    async with asked(github) as client:
        found = await client.latest("main")
        other = await client.latest("release/2")

    assert found == Commit(
        sha=sha,
        subject="Sell tea",
        author="Ann",
        at=datetime(2026, 3, 1, 14, 0, tzinfo=UTC),
        url=f"https://github.com/octo/shop/commit/{sha}",
    )
    assert other.subject == "Try beer"


async def test_a_few_digits_of_a_sha_are_enough(github: FakeGitHub) -> None:
    sha = github.commits("Begin")

    async with asked(github) as client:
        assert (await client.commit(sha[:7].upper())).sha == sha


async def test_what_is_no_commit_is_not_taken_for_one(github: FakeGitHub) -> None:
    github.commits("Begin", branch="beef")

    assert await refusal(asked(github), "12ab") == "octo/shop has no commit 12ab (No commit found for SHA: 12ab)"
    assert await refusal(asked(github), "beef") == "octo/shop has no commit beef, but something else of that name"
    assert "'../../user' is no SHA" in await refusal(asked(github), "../../user")
    assert not [path for path in github.asked if "user" in path]


async def test_a_comparison_tells_what_comes_the_newest_first(github: FakeGitHub) -> None:
    first = github.commits("Begin")
    shas = [github.commits(f"Change {number}") for number in range(1, 301)]

    async with asked(github) as client:
        all_of_them = await client.compare(first, shas[-1])
        nothing = await client.compare(first, first)

    assert (all_of_them.added, all_of_them.removed, all_of_them.is_backwards) == (300, 0, False)
    newest = [f"Change {number}" for number in range(300, 300 - MOST_SUBJECTS, -1)]
    assert [commit.subject for commit in all_of_them.commits] == newest
    assert nothing == Comparison(added=0, removed=0, commits=())


async def test_a_comparison_backwards_tells_what_goes(github: FakeGitHub) -> None:
    first, _, third = github.commits("Begin"), github.commits("Sell tea"), github.commits("Sell beer")

    async with asked(github) as client:
        found = await client.compare(third, first)

    assert found.is_backwards
    assert (found.added, found.removed) == (0, 2)
    assert [commit.subject for commit in found.commits] == ["Sell beer", "Sell tea"]


async def test_from_one_branch_to_another_something_comes_and_something_goes(github: FakeGitHub) -> None:
    first = github.commits("Begin")
    here, there = github.commits("Sell tea"), github.commits("Sell beer", branch="other", parents=(first,))

    async with asked(github) as client:
        found = await client.compare(here, there)

    assert (found.added, found.removed, found.is_backwards) == (1, 1, False)
    assert [commit.subject for commit in found.commits] == ["Sell beer"]


LINT = Check(name="ci/lint", url="https://ci.example/7")
TESTS = Check(name="tests", url="https://github.com/octo/shop/runs/tests")


@pytest.mark.parametrize(
    ("status", "run", "expected"),
    [
        (None, None, Checks(verdict=Verdict.NONE)),
        ("success", None, Checks(verdict=Verdict.GREEN)),
        (None, "neutral", Checks(verdict=Verdict.GREEN)),
        ("success", "skipped", Checks(verdict=Verdict.GREEN)),
        ("pending", "success", Checks(verdict=Verdict.PENDING, waiting=(LINT,))),
        ("success", "", Checks(verdict=Verdict.PENDING, waiting=(TESTS,))),
        ("error", "success", Checks(verdict=Verdict.RED, failed=(LINT,))),
        ("failure", "timed_out", Checks(verdict=Verdict.RED, failed=(LINT, TESTS))),
        ("pending", "cancelled", Checks(verdict=Verdict.RED, failed=(TESTS,), waiting=(LINT,))),
    ],
)
async def test_statuses_and_check_runs_are_one_verdict(
    github: FakeGitHub, status: str | None, run: str | None, expected: Checks
) -> None:
    sha = github.commits("Begin")
    if status is not None:
        github.says(sha, LINT.name, status, LINT.url)
    if run is not None:
        github.checked(sha, TESTS.name, run or None)

    async with asked(github) as client:
        assert await client.checks(sha) == expected


async def test_what_failed_is_found_on_the_last_page(github: FakeGitHub) -> None:
    sha = github.commits("Begin")
    for number in range(250):
        github.checked(sha, f"tests-{number}", "failure" if number == 249 else "success")

    async with asked(github) as client:
        found = await client.checks(sha)

    assert found.verdict is Verdict.RED
    assert [check.name for check in found.failed] == ["tests-249"]


async def test_a_token_that_may_not_see_checks_sees_the_runs_of_workflows(github: FakeGitHub) -> None:
    sha = github.commits("Begin")
    github.checked(sha, TESTS.name, "failure")
    github.refuses_checks = True

    async with asked(github) as client:
        assert await client.checks(sha) == Checks(verdict=Verdict.RED, failed=(TESTS,))


async def test_a_link_that_is_none_is_left_out(github: FakeGitHub) -> None:
    sha = github.commits("Begin")
    github.says(sha, "ci", "failure", "javascript:alert(1)")

    async with asked(github) as client:
        assert (await client.checks(sha)).failed == (Check(name="ci", url=""),)


async def test_each_refusal_says_what_happened(github: FakeGitHub) -> None:
    refused = await refusal(asked(github, token="github_pat_wrong"))
    assert refused == "GitHub does not accept the token (Bad credentials): it is wrong, or it has expired"

    elsewhere = GitHub("octo/other", SecretStr(TOKEN), github.url)
    unknown = "GitHub shows no commit abcd of octo/other: it is not there, or not for this token"
    assert await refusal(elsewhere) == unknown

    github.rate_limited_until = datetime(2026, 3, 1, 13, 30, tzinfo=UTC)
    assert await refusal(asked(github)) == "GitHub answers no more questions until 13:30 UTC: its rate limit is used up"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"status": 429, "headers": {"Retry-After": "60"}}, "GitHub answers no more questions for 60 s"),
        ({"status": 429}, "GitHub answers no more questions for a minute"),
        (
            {"status": 403, "headers": {"X-Accepted-GitHub-Permissions": "contents=read"}, "text": '{"message": "No"}'},
            "GitHub refuses the token for commit abcd of octo/shop (No); it needs contents: read",
        ),
        ({"status": 502, "text": "<html>"}, "GitHub answered 502"),
        ({"status": 200, "text": "<html>"}, "127.0.0.1 answered, but not as GitHub's API does"),
        ({"status": 200, "text": "[]"}, "127.0.0.1 answered, but not as GitHub's API does"),
        ({"status": 200, "text": '{"sha": 7, "commit": null}'}, "127.0.0.1 answered, but not as GitHub's API does"),
    ],
)
async def test_whatever_comes_back_is_understood_or_said(github: FakeGitHub, answer: dict, expected: str) -> None:  # type: ignore[type-arg]
    github.answers = lambda: web.Response(**{"content_type": "application/json", **answer})

    assert (await refusal(asked(github))).startswith(expected)


async def test_who_does_not_answer_is_not_waited_for(github: FakeGitHub) -> None:
    github.is_silent = True

    assert await refusal(asked(github, patience=0.05)) == "127.0.0.1 did not answer within 0.05 s"
    with pytest.raises(GitHubUnavailable, match="did not answer"):
        async with asked(github, patience=0.05) as client:
            await client.checks("1" * 40)


async def test_who_is_not_there_is_said_to_be_out_of_reach() -> None:
    with FakeGitHub("octo/shop") as gone:
        pass

    assert (await refusal(asked(gone))).startswith("127.0.0.1 cannot be reached: ")


async def test_the_token_shows_nowhere(github: FakeGitHub) -> None:
    github.answers = lambda: web.Response(text="<html>")
    client = asked(github)

    said = [await refusal(client), repr(client), repr(vars(client))]

    assert TOKEN not in "".join(said)
