"""PURE: what a deploy would change of what serves, in the words of those who wrote it: commits, config keys, names.

Values of variables and files are compared and never told, nor is their length.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from shipper.config.workloads import Role
from shipper.model.image import short_image
from shipper.model.observed import Observed
from shipper.model.release import Payload, Release, short
from shipper.model.secret import Env
from shipper.planning.wanted import Wanted

_HANDFUL = 7  # commits that are told

Payloads = Mapping[int, Payload]
"""Of the releases of one host, by number."""


class Sign(StrEnum):
    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"


@dataclass(frozen=True, kw_only=True)
class Change:
    sign: Sign
    kind: str
    """role, version, commit, image, config, env, file or host."""
    name: str = ""
    """A key path of the config, the name of a variable, the path of a file, the subject of a commit, …"""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Of one role, on those hosts where they are the same; of all roles that serve, if none is named."""

    role_name: str = ""
    host_names: tuple[str, ...] = ()
    changes: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True)
class Commits:
    """The subjects of the commits that lie between two, the newest first."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    """Those that the old one has and the new one has not: it goes back, or aside."""
    old: str = ""
    """What the image tells of the old one, where there is no Git to tell what lies between: its date, and subject."""
    new: str = ""


def replaced(
    payloads: Mapping[str, Payload], observed: Mapping[str, Observed], role_names: Collection[str]
) -> Iterator[tuple[str, str, Release | None]]:
    """Host, role, and the release of what serves there, for each role that is meant; None where nothing does."""
    for host_name, host in observed.items():
        for role_name in payloads[host_name].env:
            if not role_names or role_name in role_names:
                container = host.incumbent(role_name)
                yield host_name, role_name, host.release(container.release_number) if container else None


def changes_of(
    wanted: Wanted,
    observed: Mapping[str, Observed],
    payloads: Mapping[str, Payloads],
    commits: Mapping[str, Commits],
    mask: Callable[[str], str],
) -> tuple[Changes, ...]:
    """`payloads` are those of each host, `commits` those between the version that serves and the new one."""
    generals: dict[tuple[str, str], tuple[Change, ...]] = {}
    own: dict[tuple[str, str], tuple[Change, ...]] = {}
    for host_name, role_name, release in replaced(wanted.payloads, observed, wanted.role_names):
        place = (host_name, role_name)
        if not release:
            own[place] = (Change(sign=Sign.ADDED, kind="role", name=role_name),)
        elif release.number != wanted.release.number:
            before, after = payloads[host_name].get(release.number), wanted.payloads[host_name]
            generals[place] = tuple(_general(release, before, wanted, commits))
            own[place] = tuple(_of_role(role_name, before, after)) if before else ()
    own |= {place: (Change(sign=Sign.REMOVED, kind="role", name=place[1]),) for place in _left_over(wanted, observed)}
    shared: tuple[Change, ...] = ()
    if len({*generals.values()}) == 1:
        shared = next(iter(generals.values()))
    else:
        own = {place: (*generals.get(place, ()), *changes) for place, changes in own.items()}
    found = (Changes(changes=shared), *_together(own))
    return tuple(_masked(changes, mask) for changes in found if changes.changes)


def _together(own: Mapping[tuple[str, str], tuple[Change, ...]]) -> Iterator[Changes]:
    hosts: dict[tuple[str, tuple[Change, ...]], list[str]] = {}
    for (host_name, role_name), changes in own.items():
        hosts.setdefault((role_name, changes), []).append(host_name)
    for (role_name, changes), names in hosts.items():
        yield Changes(role_name=role_name, host_names=tuple(names), changes=changes)


def _masked(changes: Changes, mask: Callable[[str], str]) -> Changes:
    return replace(
        changes,
        changes=tuple(
            replace(change, name=mask(change.name), before=mask(change.before), after=mask(change.after))
            for change in changes.changes
        ),
    )


def _left_over(wanted: Wanted, observed: Mapping[str, Observed]) -> Iterator[tuple[str, str]]:
    for host_name, host in observed.items():
        for role_name in host.serving_all():
            if role_name not in wanted.payloads[host_name].env and not wanted.role_names:
                yield host_name, role_name


def _general(
    release: Release, before: Payload | None, wanted: Wanted, commits: Mapping[str, Commits]
) -> Iterator[Change]:
    new = wanted.release
    if release.version != new.version:
        yield Change(sign=Sign.CHANGED, kind="version", before=short(release.version), after=short(new.version))
        between = commits.get(release.version, Commits())
        if between.old or between.new:
            ends = f"from {_version(release.version, between.old)} to {_version(new.version, between.new)}"
            yield Change(sign=Sign.CHANGED, kind="commit", name=ends)
        yield from _subjects(Sign.ADDED, between.added)
        yield from _subjects(Sign.REMOVED, between.removed)
    after = next(iter(wanted.payloads.values())).config
    if before and before.config.image != after.image:
        yield Change(sign=Sign.CHANGED, kind="image", before=short_image(release.image), after=short_image(new.image))


def _version(version: str, told: str) -> str:
    return f"{short(version)} ({told})" if told else short(version)


def _subjects(sign: Sign, subjects: tuple[str, ...]) -> Iterator[Change]:
    for subject in subjects[:_HANDFUL]:
        yield Change(sign=sign, kind="commit", name=subject)
    if len(subjects) > _HANDFUL:
        yield Change(sign=sign, kind="commit", name=f"and {len(subjects) - _HANDFUL} more")


def _of_role(role_name: str, before: Payload, after: Payload) -> Iterator[Change]:
    old, new = before.config.roles.get(role_name), after.config.roles[role_name]
    if not old or role_name not in before.env:
        return
    yield from _of_config(role_name, old, new)
    for name, sign in signs(before.env[role_name], after.env[role_name]):
        is_told = all(name in role.env or name not in env for role, env in _sides(role_name, before, after))
        if sign and not is_told:
            yield Change(sign=sign, kind="env", name=name)
    for path, sign in signs(before.files[role_name], after.files[role_name]):
        if sign:
            yield Change(sign=sign, kind="file", name=path)
    for host_name in old.hosts:
        if host_name not in after.config.hosts:
            yield Change(sign=Sign.REMOVED, kind="host", name=host_name)


def _sides(role_name: str, *payloads: Payload) -> Iterator[tuple[Role, Env]]:
    for payload in payloads:
        yield payload.config.roles[role_name], payload.env[role_name]


def signs(before: Env, after: Env) -> Iterator[tuple[str, Sign | None]]:
    for name in sorted({*before, *after}):
        if name not in before:
            yield name, Sign.ADDED
        elif name not in after:
            yield name, Sign.REMOVED
        else:
            yield name, Sign.CHANGED if before[name] != after[name] else None


def _of_config(role_name: str, before: Role, after: Role) -> Iterator[Change]:
    """Keys that are not at their default; a file that comes or goes is told as a file."""
    old, new = dict(_keys(_shown(before), ())), dict(_keys(_shown(after), ()))
    moved = {path for path in {*before.files, *after.files} if not (path in before.files and path in after.files)}
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) == new.get(key) or (key[0] == "files" and key[1] in moved):
            continue
        sign = Sign.ADDED if key not in old else Sign.REMOVED if key not in new else Sign.CHANGED
        name = ".".join(("roles", role_name, *key))
        yield Change(sign=sign, kind="config", name=name, before=old.get(key, ""), after=new.get(key, ""))


def _shown(role: Role) -> dict[str, Any]:
    shown = role.model_dump(mode="json", exclude={"hosts"}, exclude_defaults=True)
    if role.memory:
        shown["memory"] = _memory_text(role.memory)
    return shown


def _keys(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _keys(value, (*path, key))
        else:
            yield (*path, key), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _memory_text(count: int) -> str:
    """As one writes it in the config."""
    for unit, size in (("g", 1024**3), ("m", 1024**2), ("k", 1024)):
        if count % size == 0:
            return f"{count // size}{unit}"
    return str(count)
