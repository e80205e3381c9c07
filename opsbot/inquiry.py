"""What GitHub is asked while a plan is made: it keeps nobody waiting, and nothing fails by it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from opsbot.commits import Checks, Comparison, Told
from opsbot.github import GitHub, GitHubUnavailable

Answer = TypeVar("Answer")


class Inquiry:
    """`group` owns the questions. Without GitHub there are none."""

    def __init__(self, github: GitHub | None, group: asyncio.TaskGroup) -> None:
        self._github = github
        self._group = group
        self._checks: asyncio.Task[Checks | str] | None = None
        self._comparison: asyncio.Task[Comparison | str] | None = None

    def ask_for_checks(self, sha: str) -> None:
        """What CI says of a commit, unless that was asked already."""
        if self._github and sha and not self._checks:
            self._checks = self._group.create_task(_answered(self._github.checks(sha)))

    def ask_what_lies_between(self, old: str, new: str) -> None:
        if self._github and old and new and old != new:
            self._comparison = self._group.create_task(_answered(self._github.compare(old, new)))

    async def wait(self, seconds: float | None = None) -> None:
        """For all answers; no longer than so many seconds."""
        if asked := [task for task in (self._checks, self._comparison) if task]:
            await asyncio.wait(asked, timeout=seconds)

    def close(self) -> None:
        """Nobody waits for what is not answered yet."""
        for task in (self._checks, self._comparison):
            if task:
                task.cancel()

    @property
    def told(self) -> Told:
        """As far as there are answers."""
        checks, comparison = _result(self._checks), _result(self._comparison)
        problems = dict.fromkeys(answer for answer in (checks, comparison) if isinstance(answer, str))
        return Told(
            checks=checks if isinstance(checks, Checks) else None,
            comparison=comparison if isinstance(comparison, Comparison) else None,
            problem="; ".join(problems),
            awaits_checks=self._checks is not None and checks is None,
        )


async def _answered(question: Coroutine[Any, Any, Answer]) -> Answer | str:
    """Or why there is none."""
    try:
        return await question
    except GitHubUnavailable as error:
        return str(error)


def _result(task: asyncio.Task[Answer | str] | None) -> Answer | str | None:
    return task.result() if task and task.done() and not task.cancelled() else None
