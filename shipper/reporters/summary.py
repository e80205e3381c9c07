"""PURE: the summary of a job of GitHub Actions, in its Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from shipper.events import Ended, Planned
from shipper.model.outcome import Deployed, Failed
from shipper.model.release import commit_of, short
from shipper.planning.facts import Facts
from shipper.reporters.words import outcome_lines, restored_line, serving_line, work_text

if TYPE_CHECKING:
    from shipper.reporters.timeline import Span

_MOST = 200_000  # bytes of each part: a summary may have 1 MiB, and with more of it there is none


def summary(ended: Ended, planned: Planned | None, spans: "Sequence[Span]") -> str:
    outcome = ended.outcome
    mark = "❌" if isinstance(outcome, Failed) else "✅"
    title = next(outcome_lines(ended.service, outcome))
    lines = [f"### {mark} {_inline(title)}", ""]
    if planned:
        lines += [*_who(planned.facts), *_links(planned.facts), ""]
    if isinstance(outcome, Failed):
        lines += _failure(outcome)
    elif isinstance(outcome, Deployed) and planned:
        hosts = ", ".join(_inline(name) for name in planned.facts.hosts)
        lines += [
            f"Serves now: release {outcome.release.number} of {_inline(outcome.release.short_version)} on {hosts}"
        ]
    if spans:
        lines += ["", "| what | began after | took |", "|---|--:|--:|", *_within(map(_row, _in_order(spans)))]
    if planned:
        lines += ["", "<details><summary>Plan</summary>", "", *_code(planned.lines), "", "</details>"]
    return "\n".join(lines) + "\n"


def _who(facts: Facts) -> Iterator[str]:
    replaces = f", instead of release {facts.replaces} of {short(facts.replaces_version)}" if facts.replaces else ""
    yield _inline(f"{work_text(facts)}{replaces}, by {facts.performer}")


def _links(facts: Facts) -> Iterator[str]:
    """To what GitHub shows of it, if the run is one of GitHub."""
    repository, is_of_github, _ = facts.origin.partition("/actions/runs/")
    if not (is_of_github and facts.commit):
        return
    links = [f"[commit]({repository}/commit/{facts.commit})"]
    replaced = commit_of(facts.replaces_version)
    if replaced and facts.command == "rollback":
        links.append(f"[what is taken back]({repository}/compare/{facts.commit}...{replaced})")
    elif replaced:
        links.append(f"[what is new]({repository}/compare/{replaced}...{facts.commit})")
    yield from ("", " · ".join(links))


def _failure(outcome: Failed) -> Iterator[str]:
    if not outcome.interrupted:
        yield f"**Reason:** {_inline(outcome.reason)}"
        yield ""
    yield f"**{_inline(restored_line(outcome))}**"
    yield ""
    yield from (f"- {_inline(serving_line(row))}" for row in outcome.serving)
    if outcome.logs:
        yield from ("", "Its last lines:", "", *_code(outcome.logs))
    yield ""
    yield f"**Next:** {_inline(outcome.next)}"


def _in_order(spans: "Sequence[Span]") -> "list[Span]":
    return sorted(spans, key=lambda span: span.begun)


def _row(span: "Span") -> str:
    return f"| {_inline(span.what)} | {span.begun:.2f} s | {span.seconds:.2f} s |"


def _code(lines: Iterable[str]) -> Iterator[str]:
    """A block that none of its lines can end."""
    shown = list(_within(lines))
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(longest + 1, 3)
    yield from (f"{fence}text", *shown, fence)


def _within(lines: Iterable[str]) -> Iterator[str]:
    """As many as there is room for."""
    left = _MOST
    for line in lines:
        left -= len(line.encode()) + 1
        if left < 0:
            yield "…"
            return
        yield line


def _inline(text: str) -> str:
    """Text that is neither Markdown nor HTML, in one line."""
    return re.sub(r"([\\`*_{}\[\]<>()#|~&$!])", r"\\\1", " ".join(text.split()))
