"""PURE: what CI and GitHub say of commits, as a page shows it."""

from collections.abc import Iterator, Sequence
from html import escape

import shipper
from opsbot.commits import Check, Comparison, Told, Verdict
from opsbot.storage.requests import Request
from opsbot.views.pages import NAME, SENTENCE, bold
from opsbot.views.words import count

_MOST_CHECKS = 3
_VERDICTS = {Verdict.GREEN: "✅ CI: green", Verdict.NONE: "▫️ CI has said nothing of this commit"}


def verdict(request: Request, plan: shipper.Plan, told: Told) -> Iterator[str]:
    checks = told.checks
    if told.awaits_checks:
        yield "⏳ CI: asking GitHub …"
    elif checks and checks.verdict is Verdict.RED:
        yield f"❌ CI is red: {names_of(checks.failed)}"
    elif checks and checks.verdict is Verdict.PENDING:
        yield f"⏳ CI still runs: {names_of(checks.waiting)}"
    elif checks:
        yield _VERDICTS[checks.verdict]
    if told.problem:
        yield f"⚠️ {shipper.escaped(told.problem, SENTENCE)}"
    if plan.proven:
        yield f"✅ {escape(plan.proven)}"
    elif plan.proof:
        yield f"⚠️ Not proven in {escape(plan.proof.destination)}"
    if request.command.force_reason:
        yield f"⚠️ Forced by {escape(request.person_name)}: {shipper.escaped(request.command.force_reason, SENTENCE)}"


def names_of(checks: Sequence[Check]) -> str:
    """Each with its page, where there is one."""
    told = [_link(shipper.escaped(check.name, NAME), check.url) for check in checks[:_MOST_CHECKS]]
    return ", ".join(told) + (f" and {left} more" if (left := len(checks) - len(told)) else "")


def _link(text: str, url: str) -> str:
    return f'<a href="{escape(url)}">{text}</a>' if url else text


def commits(plan: shipper.Plan, told: Told) -> Iterator[str]:
    if comparison := told.comparison:
        yield from _compared(comparison)
        return
    commits = [change for of_role in plan.changes for change in of_role.changes if change.kind == "commit"]
    if commits:
        yield bold("Commits")
    for commit in dict.fromkeys(commits):
        sign = "↩️" if commit.sign == shipper.Sign.REMOVED else "•"
        yield f"{sign} {shipper.escaped(commit.name, 2 * NAME)}"


def _compared(comparison: Comparison) -> Iterator[str]:
    if comparison.is_backwards:
        yield bold(f"{count(comparison.removed, 'commit')} back")
    elif comparison.added or comparison.removed:
        aside = f", {comparison.removed} of what serves are not in it" if comparison.removed else ""
        yield f"{bold(count(comparison.added, 'commit'))}{aside}"
    sign = "↩️" if comparison.is_backwards else "•"
    for commit in comparison.commits:
        subject, author = shipper.escaped(commit.subject, NAME), shipper.escaped(commit.author, NAME)
        yield f"{sign} {_link(commit.sha[:7], commit.url)} {subject}, {author}"
    if left := (comparison.added or comparison.removed) - len(comparison.commits):
        yield f"… and {left} more"
