"""What GitHub knows of the commits of a repository, by its REST API: https://docs.github.com/en/rest

A plan is shown within moments, with or without GitHub: so each question has a deadline and is asked once, and whoever
asks goes on without an answer.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from pydantic import SecretStr
from yarl import URL

from opsbot.commits import MOST_SUBJECTS, Check, Checks, Commit, Comparison, checks_of

_PAGE = 100  # items, the most that GitHub gives at once
_MOST_PAGES = 10  # of check runs: GitHub itself gives no more than those of the last 1000 check suites


class GitHubUnavailable(Exception):
    """GitHub does not tell. The text says what happened; the token never stands in it."""


class _Refused(GitHubUnavailable):
    """The token is good, but not for this."""


class GitHub:
    """Of one repository, `owner/name`. Every question raises GitHubUnavailable.

    `api_url` is https://api.github.com, or https://HOST/api/v3 of GitHub Enterprise Server. Without a token GitHub
    answers 60 questions in an hour, about public repositories.
    """

    def __init__(self, repository: str, token: SecretStr | None, api_url: str, *, patience: float = 4.0) -> None:
        self.repository = repository
        self._root = f"{api_url.rstrip('/')}/repos/{quote(repository)}"
        self._token = token
        self._patience = patience
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        # https://docs.github.com/en/rest/about-the-rest-api/api-versions
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        if self._token and (token := self._token.get_secret_value().strip()):
            headers["Authorization"] = f"Bearer {token}"
        self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=None))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.close()

    async def latest(self, branch: str) -> Commit:
        """The head of a branch."""
        async with self._asking():
            return await self._commit(f"heads/{branch}", f"branch {branch}")

    async def commit(self, sha: str) -> Commit:
        """By its SHA, of which four digits are enough where no other begins so."""
        sha = sha.lower()
        if not re.fullmatch("[0-9a-f]{4,40}", sha):
            raise GitHubUnavailable(f"{sha[:40]!r} is no SHA of a commit: 4 to 40 digits of 0-9 and a-f")
        async with self._asking():
            found = await self._commit(sha, f"commit {sha}")
        if not found.sha.startswith(sha):  # a branch or a tag has that name
            raise GitHubUnavailable(f"{self.repository} has no commit {sha}, but something else of that name")
        return found

    async def compare(self, old: str, new: str) -> Comparison:
        """Of two full SHAs."""
        async with self._asking():
            found = await self._between(old, new)
            added, removed = int(found["ahead_by"]), int(found["behind_by"])
            if removed and not added:
                found = await self._between(new, old)
            newest = tuple(_commit(each) for each in reversed(found["commits"][-MOST_SUBJECTS:]))
        return Comparison(added=added, removed=removed, commits=newest)

    async def checks(self, sha: str) -> Checks:
        """What all that CI has to say comes to: one that failed is enough for red, one that runs for pending."""
        try:
            async with asyncio.TaskGroup() as asking:
                statuses = asking.create_task(self._statuses(sha))
                runs = asking.create_task(self._runs(sha))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # both are ours, and one is as good as the other
        return checks_of({**statuses.result(), **runs.result()})

    async def _commit(self, reference: str, what: str) -> Commit:
        """https://docs.github.com/en/rest/commits/commits#get-a-commit"""
        return _commit(await self._get(f"/commits/{quote(reference)}", what))

    async def _between(self, old: str, new: str) -> Any:
        """https://docs.github.com/en/rest/commits/commits#compare-two-commits

        Without a page GitHub gives 250 commits at most, the newest of all last.
        """
        return await self._get(f"/compare/{quote(old)}...{quote(new)}", f"commit {old[:7]} or {new[:7]}")

    async def _statuses(self, sha: str) -> dict[Check, str]:
        """https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference"""
        async with self._asking():
            found = await self._all(f"/commits/{quote(sha)}/status", "statuses", sha)
            return {_check(each["context"], each["target_url"]): each["state"] for each in found}

    async def _runs(self, sha: str) -> dict[Check, str]:
        """https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference

        A fine-grained token cannot be given the permission for those of a private repository, but that for the runs of
        GitHub's own CI: https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
        """
        async with self._asking():
            try:
                found = await self._all(f"/commits/{quote(sha)}/check-runs", "check_runs", sha)
            except _Refused:
                found = await self._all(f"/actions/runs?head_sha={quote(sha)}", "workflow_runs", sha)
            return {_check(each["name"], each["html_url"]): _state(each) for each in found}

    async def _all(self, path: str, key: str, sha: str) -> list[Any]:
        """All pages: what failed may stand on the last one."""
        items: list[Any] = []
        sign = "&" if "?" in path else "?"
        for page in range(1, _MOST_PAGES + 1):
            found = await self._get(f"{path}{sign}per_page={_PAGE}&page={page}", f"commit {sha[:7]}")
            items += found[key]
            if not found[key] or len(items) >= found["total_count"]:
                break
        return items

    async def _get(self, path: str, what: str) -> Any:
        async with self._session.get(URL(self._root + path, encoded=True)) as response:
            if response.status != 200:
                raise await self._refusal(response, what)
            return await response.json()

    async def _refusal(self, response: aiohttp.ClientResponse, what: str) -> GitHubUnavailable:
        """https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api"""
        said = await _message(response)
        headers = response.headers
        if response.status in (403, 429) and (until := _limited_until(response.status, headers)):
            return GitHubUnavailable(f"GitHub answers no more questions {until}: its rate limit is used up")
        if response.status == 401:
            return GitHubUnavailable(f"GitHub does not accept the token{said}: it is wrong, or it has expired")
        if response.status == 403:
            needed = headers.get("X-Accepted-GitHub-Permissions", "")
            hint = f"; it needs {needed.replace('=', ': ')}" if needed else ""
            return _Refused(f"GitHub refuses the token for {what} of {self.repository}{said}{hint}")
        if response.status == 404:
            return GitHubUnavailable(
                f"GitHub shows no {what} of {self.repository}: it is not there, or not for this token"
            )
        if response.status in (409, 422):  # 409: the repository is empty
            return GitHubUnavailable(f"{self.repository} has no {what}{said}")
        return GitHubUnavailable(f"GitHub answered {response.status}{said}")

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        host = URL(self._root).host
        try:
            async with asyncio.timeout(self._patience):
                yield
        except TimeoutError:
            raise GitHubUnavailable(f"{host} did not answer within {self._patience:g} s") from None
        except aiohttp.ClientConnectionError as error:
            raise GitHubUnavailable(f"{host} cannot be reached: {error}") from None
        except (aiohttp.ClientError, LookupError, TypeError, ValueError):
            raise GitHubUnavailable(f"{host} answered, but not as GitHub's API does") from None


def _commit(found: Any) -> Commit:
    author = found["commit"]["author"]
    return Commit(
        sha=str(found["sha"]),
        subject=str(found["commit"]["message"]).partition("\n")[0],
        author=str(author["name"]),
        at=datetime.fromisoformat(author["date"]),
        url=str(found["html_url"]),
    )


def _check(name: str, url: str | None) -> Check:
    return Check(name=str(name), url=url if url and url.startswith(("https://", "http://")) else "")


def _state(run: Any) -> str:
    return str(run["conclusion"]) if run["status"] == "completed" else "pending"


def _limited_until(status: int, headers: Mapping[str, str]) -> str:
    """Empty where it is no limit. https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api"""
    if (seconds := headers.get("Retry-After", "")).isdigit():
        return f"for {seconds} s"
    if headers.get("X-RateLimit-Remaining") == "0" and (reset := headers.get("X-RateLimit-Reset", "")).isdigit():
        return f"until {datetime.fromtimestamp(int(reset), UTC):%H:%M} UTC"
    return "for a minute" if status == 429 else ""


async def _message(response: aiohttp.ClientResponse) -> str:
    """What GitHub says of it, for people."""
    try:
        return f" ({str((await response.json())['message'])[:200]})"
    except (aiohttp.ClientError, LookupError, TypeError, ValueError):
        return ""
