"""PURE: a plan, as it is shown to be confirmed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape

import shipper
from opsbot.commits import Told
from opsbot.storage.requests import Request
from opsbot.verbs import Verb
from opsbot.views.commits import commits, verdict
from opsbot.views.pages import LONGEST_MESSAGE, NAME, SENTENCE, Button, Page, Press, bold, page
from opsbot.views.words import asked, count

_MOST_NAMES = 12  # of what changes, of each kind
_MOST_HOSTS = 3
_ROOM_FOR_PARTS = 2600  # of a page; the rest is for what stands around them, and for the steps
_BRINGING = ("build", "push", "ship", "pull")
_KINDS = {"env": "Env", "file": "Files", "config": "Config", "role": "Roles", "host": "Hosts", "image": "Image"}


@dataclass(frozen=True, kw_only=True)
class Known:
    """What there is to know beside the plan."""

    told: Told = field(default_factory=Told)
    disks: Mapping[str, shipper.Disk] = field(default_factory=dict)
    freeze: shipper.Freeze | None = None
    """That keeps it from being done."""
    remark: str = ""


def proposed(request: Request, plan: shipper.Plan, known: Known, approvers: Sequence[str]) -> Page:
    """To be confirmed by whoever asked; or approved, where there are approvers, by one of them."""
    time = f"{datetime.fromtimestamp(request.expires_at, UTC):%H:%M} UTC"
    about = f"{request.id}.{request.fingerprint[:8]}"
    if not approvers:
        confirm = Button(label="✅ Confirm", press=Press.CONFIRM, about=about)
        cancel = Button(label="Cancel", press=Press.DISMISS, about=str(request.id))
        return _page(request, plan, known, f"To be confirmed until {time}.", [[confirm, cancel]])
    approve = Button(label="✅ Approve", press=Press.CONFIRM, about=about)
    refuse = Button(label="Refuse", press=Press.DISMISS, about=str(request.id))
    withdraw = Button(label="Withdraw", press=Press.WITHDRAW, about=str(request.id))
    end = f"⏳ Waits for approval by {escape(' or '.join(approvers))}, until {time}."
    return _page(request, plan, known, end, [[approve, refuse], [withdraw]])


def awaiting(request: Request, plan: shipper.Plan, known: Known) -> Page:
    """It can be read already, while GitHub is asked what CI says."""
    cancel = Button(label="Cancel", press=Press.ABORT, about=str(request.id))
    return _page(request, plan, known, "", [[cancel]])


def shown(request: Request, plan: shipper.Plan, known: Known, end: str = "") -> Page:
    """Of a plan that nobody is asked to confirm."""
    return _page(request, plan, known, end, [])


def _page(request: Request, plan: shipper.Plan, known: Known, end: str, buttons: Iterable[Iterable[Button]]) -> Page:
    head = [*filter(None, (escape(known.remark), f"📋 {title(request)}")), *_about(request, plan)]
    if plan.is_empty:
        return page(*head, "There is nothing to do.", end)
    parts = [verdict(request, plan, known.told), commits(plan, known.told), _changes(plan), _what_happens(plan)]
    last = [*_warnings(plan, known), *_disks(known)]
    lines = [line for part in (*parts, last) if (made := [*part]) for line in ("", *made)]
    shown = shipper.first_that_fit(lines, _ROOM_FOR_PARTS)
    if left := len(lines) - len(shown):
        shown.append(f"… and {left} lines more")
    room = LONGEST_MESSAGE - sum(shipper.length(line) + 1 for line in (*head, *shown, end)) - 10
    text = "\n".join([*head, *shown, "", *_steps(plan, room), *([end] if end else [])])
    return Page(text=text, buttons=tuple(tuple(row) for row in buttons))


def title(request: Request) -> str:
    """The environment first: nobody is to mistake it."""
    command = request.command
    return f"{bold(command.environment.upper())}: {escape(asked(command).removesuffix(f' in {command.environment}'))}"


def _about(request: Request, plan: shipper.Plan) -> Iterator[str]:
    facts = plan.facts
    if plan.is_empty:
        yield f"Release {plan.release.number} of {escape(shipper.short(plan.release.version))} serves"
    elif facts.release and facts.replaces:
        before, after = escape(shipper.short(facts.replaces_version)), escape(shipper.short(facts.version))
        yield f"Release {facts.replaces} of {before} → {facts.release} of {after}"
    elif facts.release and request.verb != Verb.RESTART:
        yield f"Release {facts.release} of {escape(shipper.short(facts.version))}; nothing serves yet"
    by = request.approved_by and f", approved by {request.approved_by}"
    yield f"Asked for by {escape(request.person_name + by)}"


def _changes(plan: shipper.Plan) -> Iterator[str]:
    """Names of variables, never values."""
    found: dict[tuple[str, str], list[str]] = {}
    for of_role in plan.changes:
        for change in of_role.changes:
            if change.kind in _KINDS:
                role_name = of_role.role_name if change.kind in ("env", "file") else ""
                found.setdefault((change.kind, role_name), []).append(_change(change))
    for (kind, role_name), all_of_it in found.items():
        told = [*dict.fromkeys(all_of_it)]
        names = ", ".join(told[:_MOST_NAMES]) + (f" and {left} more" if (left := len(told) - _MOST_NAMES) > 0 else "")
        yield f"{bold(_KINDS[kind])}{f' of {escape(role_name)}' if role_name else ''}: {names}"


def _change(change: shipper.Change) -> str:
    name = shipper.escaped(change.name, NAME)
    if change.before and change.after:
        return f"{name} {shipper.escaped(change.before, NAME)} → {shipper.escaped(change.after, NAME)}".strip()
    value = change.after or change.before
    return f"{change.sign}{name}{f' {shipper.escaped(value, NAME)}' if value else ''}"


def _what_happens(plan: shipper.Plan) -> Iterator[str]:
    """Why each role changes as it does, and what else there is to it."""
    yield bold("What happens")
    why: dict[tuple[str, str], str] = {}
    for step in plan.steps:
        if step.role_name and step.because and step.name != "migrate":
            why.setdefault((step.role_name, step.host_name), step.because)
    hosts: dict[tuple[str, str], list[str]] = {}
    for (role_name, host_name), because in why.items():
        hosts.setdefault((role_name, because), []).append(host_name)
    for (role_name, because), host_names in hosts.items():
        yield f"• {escape(role_name)} on {_hosts(host_names)}: {shipper.escaped(because, SENTENCE)}"
    for step in plan.steps:
        if step.name == "migrate":
            yield f"• release step on {escape(step.host_name)}: {shipper.escaped(step.detail, SENTENCE)}"
    yield from _bringing(plan)


def _bringing(plan: shipper.Plan) -> Iterator[str]:
    hosts: dict[tuple[str, str], list[str]] = {}
    for step in plan.steps:
        if step.name in _BRINGING:
            hosts.setdefault((step.name, step.detail), []).append(step.host_name)
    for (name, detail), host_names in hosts.items():
        where = "" if name in ("build", "push") else f" to {_hosts(host_names)}"
        yield f"• image: {name} {shipper.escaped(detail, SENTENCE)}{where}"
    if not hosts and plan.role_names:
        yield "• image: the hosts have it"


def _hosts(names: Sequence[str]) -> str:
    told = ", ".join(escape(name) for name in names[:_MOST_HOSTS])
    return told if len(names) <= _MOST_HOSTS else f"{told} and {len(names) - _MOST_HOSTS} more"


def _warnings(plan: shipper.Plan, known: Known) -> Iterator[str]:
    for reason in plan.no_way_back:
        yield f"⚠️ {bold('No way back')} from release {plan.release.number}: {shipper.escaped(reason, SENTENCE)}"
    if freeze := known.freeze:
        by, why = shipper.escaped(freeze.performer, NAME), shipper.escaped(freeze.reason, SENTENCE)
        yield f"🧊 Deploys are frozen by {by}: {why}"


def _disks(known: Known) -> Iterator[str]:
    """The fullest first."""
    ordered = sorted(known.disks.items(), key=lambda item: -item[1].used_percent)
    for name, disk in ordered[:_MOST_HOSTS]:
        yield f"💾 {escape(name)}: {shipper.size_text(disk.free)} free, {disk.used_percent} % used"
    if len(ordered) > _MOST_HOSTS:
        yield f"… and {len(ordered) - _MOST_HOSTS} more"


def _steps(plan: shipper.Plan, room: int) -> list[str]:
    """All of them, folded: https://core.telegram.org/bots/api#html-style"""
    lines = [shipper.escaped(" ".join(line.split()), 2 * NAME) for line in plan.step_lines]
    shown = shipper.first_that_fit(lines, room - 2 * NAME)
    if left := len(lines) - len(shown):
        shown.append(f"… and {left} more")
    return [f"<blockquote expandable>{chr(10).join([bold(count(len(plan.steps), 'step')), *shown])}</blockquote>"]
