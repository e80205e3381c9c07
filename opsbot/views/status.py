"""PURE: what serves, and how it does: narrow enough for a phone."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime

import shipper
from opsbot.storage.requests import Request
from opsbot.views.pages import ROOM, Button, Page, Press, bold, fitting, page, source

_MOST = 200  # characters of what others wrote
_ROOM_FOR_HOSTS = 1200
_ROOM_FOR_ACCESSORIES = 800


def seen(request: Request, hosts: Sequence[shipper.HostStatus], now: datetime) -> Page:
    about = str(request.id)
    unlock = [Button(label="Lift the freeze", press=Press.UNLOCK, about=about)]
    roles = [role for host in hosts for role in host.roles]
    rows = list(shipper.role_rows(hosts, now))[1:]
    worst_first = sorted(zip(roles, rows, strict=True), key=lambda told: not _is_ill(told[0]))
    first, *others = _hosts(hosts, now)
    beside = fitting(list(_accessories(hosts, now)), _ROOM_FOR_ACCESSORIES)
    room = ROOM - _ROOM_FOR_HOSTS - len("\n".join(beside))
    return page(
        f"{bold(request.environment)}, {now:%H:%M} UTC",
        *fitting(["\n".join(_role(role, row)) for role, row in worst_first], room),
        *beside,
        *fitting([f"\n{first}", *others], _ROOM_FOR_HOSTS),
        buttons=[
            [Button(label="Look again", press=Press.AGAIN, about=about)],
            unlock if any(host.freeze for host in hosts) else [],
        ],
    )


def _is_ill(role: shipper.RoleStatus) -> bool:
    return role.health != shipper.HEALTHY and not role.stopped


def _role(role: shipper.RoleStatus, row: Sequence[str]) -> Iterator[str]:
    host_name, role_name, release, version, health, since, restarts, cpu, memory, _ = row
    mark = "🔴" if _is_ill(role) else "⚪" if role.stopped else "🟢"
    yield f"\n{mark} {bold(role_name)} on {_told(host_name)}: {_told(health)}"
    if not role.container:
        return
    begun = "stopped" if role.stopped else "started"
    yield f"release {release} of {_told(version)}, {begun} {since}"
    if not role.finished:
        yield "⚠️ its deploy did not come to its end"
    if not role.expected:
        yield "⚠️ the last release has no such role here"
    if not role.stopped:
        again = f", restarted {restarts} times" if restarts != "0" else ""
        yield f"processor {cpu}, memory {memory}{again}"


def _accessories(hosts: Sequence[shipper.HostStatus], now: datetime) -> Iterator[str]:
    """A line each, what is wrong first; the first one apart from the roles."""
    there = [one for host in hosts for one in host.accessories]
    rows = list(shipper.accessory_rows(hosts, now))[1:]
    worst_first = sorted(zip(there, rows, strict=True), key=lambda told: told[0].health == shipper.HEALTHY)
    for number, (one, row) in enumerate(worst_first):
        host_name, name, health, _, restarts, _, config = row
        mark = "🟢" if one.health == shipper.HEALTHY else "🔴"
        again = f", restarted {restarts} times" if restarts not in ("", "0") else ""
        changed = f", {config}" if one.changed else ""
        yield f"{'' if number else chr(10)}{mark} {_told(name)} on {_told(host_name)}: {_told(health)}{again}{changed}"


def _hosts(hosts: Sequence[shipper.HostStatus], now: datetime) -> Iterator[str]:
    """What is wrong first; lock and freeze once, where they are the same on several."""
    disks: list[str] = []
    common: dict[str, list[str]] = {}
    for host, row in zip(hosts, list(shipper.host_rows(hosts, now))[1:], strict=True):
        host_name, free, used, _, freeze, problem = row
        if host.problem:
            yield f"❌ {_told(host_name)}: {_told(problem)}"
            continue
        disks.append(f"💾 {_told(host_name)}: {free} free, {used} used")
        if host.holder:
            common.setdefault(_at_work(host.holder, now), []).append(host_name)
        if host.freeze:
            common.setdefault(f"🧊 {_told(freeze)}", []).append(host_name)
    for text, names in common.items():
        yield text if len(names) == len(hosts) else f"{text} (on {_told(', '.join(names))})"
    yield from disks


def _at_work(holder: shipper.Holder, now: datetime) -> str:
    begun = ""
    with suppress(ValueError):  # of a version that tells it otherwise
        begun = f", begun {shipper.ago(datetime.fromisoformat(holder.since), now)}"
    return f"🔒 {source(holder.performer, holder.origin)} is at it: {_told(holder.purpose)}{begun}"


def _told(text: str) -> str:
    return shipper.escaped(text, _MOST)
