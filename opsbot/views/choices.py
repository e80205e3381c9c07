"""PURE: what can be chosen from, as buttons call it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import shipper
from opsbot.command import LATEST
from opsbot.commits import Commit

MOST = 8
_LONGEST = 48  # characters of a label: a phone shows no more of a button


@dataclass(frozen=True, kw_only=True)
class Choice:
    value: str
    """As one writes it behind a command."""
    label: str


def versions(
    found: Sequence[shipper.Version], newest: Commit | None, now: datetime, *, has_registry: bool
) -> list[Choice]:
    """Those that can be had: without a registry only what a server has. `newest` is that of the branch, if known."""
    there = [version for version in found if version.host_names or has_registry]
    commits = [version for version in there if re.fullmatch("[0-9a-f]{40}", version.version)][:MOST]
    if not commits and not has_registry:
        return []
    label = _cut(f"{LATEST}: {newest.sha[:7]} {newest.subject}", _LONGEST) if newest else LATEST
    latest = Choice(value=LATEST, label=label)
    return [latest, *(Choice(value=version.version, label=_version(version, now)) for version in commits)]


def _version(version: shipper.Version, now: datetime) -> str:
    age = shipper.ago(version.created_at, now) if version.created_at else ""
    end = "".join(f" · {word}" for word in (age, "serves" if version.serving else "") if word)
    subject = f" {version.subject}" if version.subject else ""
    return _cut(f"{version.short_version}{subject}", _LONGEST - len(end)) + end


def releases(hosts: Mapping[str, shipper.Observed], now: datetime) -> list[Choice]:
    """Where a rollback may go, the one before what serves first."""
    serving = {container.release_number for host in hosts.values() for container in host.serving_all().values()}
    before = {host.incumbent_release.replaces for host in hosts.values() if host.incumbent_release}
    known = {
        release.number: release
        for host in hosts.values()
        for release in host.releases
        if release.outcome == "deployed" and serving != {release.number}
    }
    ordered = sorted(known.values(), key=lambda release: (release.number in before, release.number), reverse=True)
    return [
        Choice(
            value=str(release.number),
            label=f"{release.number} · {release.short_version} · {shipper.ago(release.begun_at, now)}",
        )
        for release in ordered[:MOST]
    ]


def roles(names: Sequence[str]) -> list[Choice]:
    return [Choice(value=name, label=name) for name in names]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
