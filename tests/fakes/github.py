"""A GitHub to test against: as much of its REST API as opsbot asks, over HTTP, from a thread of its own.

with FakeGitHub("octo/shop") as github:
    first = github.commits("Begin")
    github.checked(first, "tests", "success")       # opsbot asks github.url about octo/shop
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from aiohttp import web

_LARGEST_COMPARISON = (
    250  # commits, without a page: https://docs.github.com/en/rest/commits/commits#compare-two-commits
)
_BEGUN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class _Commit:
    sha: str
    message: str
    author: str
    at: datetime
    parents: tuple[str, ...]


class FakeGitHub:
    """Serves as long as the block lasts."""

    def __init__(self, repository: str, *, token: str = "", address: str = "127.0.0.1", port: int = 0) -> None:
        self.repository = repository
        self.token = token
        """Without one everybody may ask."""
        self.address = address
        self.port = port
        self.forgets_all()
        self._loop: asyncio.AbstractEventLoop
        self._ends: asyncio.Event
        self._is_up = Future[None]()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="github", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_up.result()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._ends.set)
        self._thread.join()

    def forgets_all(self) -> None:
        self.branches: dict[str, str] = {}
        self.rate_limited_until: datetime | None = None
        self.refuses_checks = False
        """As it does those of a private repository to a fine-grained token."""
        self.is_silent = False
        """It takes questions, and answers none."""
        self.answers: Callable[[], web.Response] | None = None
        """To whatever is asked."""
        self.asked: list[str] = []
        self._commits: dict[str, _Commit] = {}
        self._statuses: dict[str, dict[str, dict[str, Any]]] = {}
        self._runs: dict[str, dict[str, dict[str, Any]]] = {}

    def commits(
        self,
        message: str,
        *,
        branch: str = "main",
        sha: str = "",
        author: str = "Ann",
        at: datetime | None = None,
        parents: tuple[str, ...] | None = None,
    ) -> str:
        """Somebody pushes a commit, by default on top of the branch; its SHA."""
        if parents is None:
            parents = (self.branches[branch],) if branch in self.branches else ()
        number = len(self._commits)
        sha = sha or hashlib.sha1(f"{number} {message} {parents}".encode()).hexdigest()
        at = at or _BEGUN + timedelta(minutes=number)
        self._commits[sha] = _Commit(sha=sha, message=message, author=author, at=at, parents=parents)
        self.branches[branch] = sha
        return sha

    def says(self, sha: str, context: str, state: str, url: str | None = None) -> None:
        """A CI tells by a commit status: error, failure, pending or success; the last one of a context counts."""
        self._statuses.setdefault(sha, {})[context] = {"context": context, "state": state, "target_url": url}

    def checked(self, sha: str, name: str, conclusion: str | None) -> None:
        """A CI tells by a check run; None: it runs. The last one of a name counts."""
        self._runs.setdefault(sha, {})[name] = {
            "name": name,
            "status": "completed" if conclusion else "in_progress",
            "conclusion": conclusion,
            "html_url": f"https://github.com/{self.repository}/runs/{name}",
        }

    async def _serve(self) -> None:
        self._loop, self._ends = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(middlewares=[self._guard])
        root = f"/repos/{self.repository}"
        app.add_routes(
            [
                web.get(f"{root}/commits/{{sha}}/status", self._answer_status),
                web.get(f"{root}/commits/{{sha}}/check-runs", self._answer_check_runs),
                web.get(f"{root}/commits/{{reference:.+}}", self._answer_commit),
                web.get(f"{root}/compare/{{old}}...{{new}}", self._answer_compare),
                web.get(f"{root}/actions/runs", self._answer_workflow_runs),
            ]
        )
        # 0 would wait for ever for a question that is not answered
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.01)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.address, self.port).start()
        except OSError as error:
            self._is_up.set_exception(error)
        else:
            self.port = runner.addresses[0][1]
            self._is_up.set_result(None)
            await self._ends.wait()
        await runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        if self.is_silent:
            await self._ends.wait()
        if self.answers:
            return self.answers()
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "Bad credentials")
        if self.rate_limited_until:
            reset = str(int(self.rate_limited_until.timestamp()))
            limit = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
            return _error(403, "API rate limit exceeded", limit)
        try:
            answer: web.StreamResponse = await handler(request)
        except web.HTTPNotFound:
            return _error(404, "Not Found")
        return answer

    async def _answer_commit(self, request: web.Request) -> web.Response:
        reference = request.match_info["reference"]
        sha = self._found(reference)
        return web.json_response(self._shown(sha)) if sha else _error(422, f"No commit found for SHA: {reference}")

    async def _answer_compare(self, request: web.Request) -> web.Response:
        old, new = self._found(request.match_info["old"]), self._found(request.match_info["new"])
        if not old or not new:
            return _error(404, "Not Found")
        ahead, behind = self._reached(new) - self._reached(old), self._reached(old) - self._reached(new)
        status = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind"}
        oldest_first = [sha for sha in self._commits if sha in ahead]
        return web.json_response(
            {
                "status": status.get((bool(ahead), bool(behind)), "identical"),
                "ahead_by": len(ahead),
                "behind_by": len(behind),
                "total_commits": len(ahead),
                "commits": [self._shown(sha) for sha in oldest_first[-_LARGEST_COMPARISON:]],
            }
        )

    async def _answer_status(self, request: web.Request) -> web.Response:
        return self._page(request, "statuses", self._statuses.get(request.match_info["sha"], {}))

    async def _answer_check_runs(self, request: web.Request) -> web.Response:
        if self.refuses_checks:
            return _error(
                403,
                "Resource not accessible by personal access token",
                {"X-Accepted-GitHub-Permissions": "checks=read"},
            )
        return self._page(request, "check_runs", self._runs.get(request.match_info["sha"], {}))

    async def _answer_workflow_runs(self, request: web.Request) -> web.Response:
        return self._page(request, "workflow_runs", self._runs.get(request.query["head_sha"], {}))

    def _page(self, request: web.Request, key: str, items: Mapping[str, Any]) -> web.Response:
        size, page = int(request.query.get("per_page", 30)), int(request.query.get("page", 1))
        shown = [*items.values()][size * (page - 1) : size * page]
        return web.json_response({"total_count": len(items), key: shown})

    def _found(self, reference: str) -> str:
        """Empty where there is none, or more than one."""
        if reference.startswith("heads/"):
            return self.branches.get(reference.removeprefix("heads/"), "")
        if reference in self.branches:
            return self.branches[reference]
        found = [sha for sha in self._commits if sha.startswith(reference)]
        return found[0] if len(found) == 1 else ""

    def _reached(self, sha: str) -> set[str]:
        reached: set[str] = set()
        waiting = [sha]
        while waiting:
            current = waiting.pop()
            if current not in reached:
                reached.add(current)
                waiting += self._commits[current].parents
        return reached

    def _shown(self, sha: str) -> dict[str, Any]:
        commit = self._commits[sha]
        author = {"name": commit.author, "email": "ann@example.com", "date": f"{commit.at:%Y-%m-%dT%H:%M:%SZ}"}
        return {
            "sha": sha,
            "html_url": f"https://github.com/{self.repository}/commit/{sha}",
            "commit": {"message": commit.message, "author": author, "committer": author},
            "parents": [{"sha": parent} for parent in commit.parents],
        }


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    shown = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    return web.json_response(shown, status=status, headers=headers)
