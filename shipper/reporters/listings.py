"""What there is to see → rows of a table, the first of which is its header. PURE."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from shipper.model.observed import Observed
from shipper.model.records import TERMINAL, Freeze, Holder, PastDeploy
from shipper.model.release import Release, ReleaseOutcome
from shipper.model.status import HEALTHY, AccessoryStatus, HostStatus, RoleStatus
from shipper.model.words import size_text
from shipper.reporters.tables import Row, table
from shipper.reporters.words import ago

_LATE = timedelta(seconds=10)  # after which it is said that what is shown is old


def status_lines(hosts: Sequence[HostStatus], now: datetime, width: int | None) -> Iterator[tuple[str, str]]:
    """Tables of roles, accessories and hosts, each line with the style that it has on a terminal."""
    roles = [role for host in hosts for role in host.roles]
    if roles:
        yield from _styled(table(list(role_rows(hosts, now)), titles=2, width=width), [_role_style(r) for r in roles])
        yield "", ""
    accessories = [one for host in hosts for one in host.accessories]
    if accessories:
        looks = [_accessory_style(one) for one in accessories]
        yield from _styled(table(list(accessory_rows(hosts, now)), titles=2, width=width), looks)
        yield "", ""
    styles = ["red" if host.problem else "yellow" if host.freeze or host.holder else "" for host in hosts]
    yield from _styled(table(list(host_rows(hosts, now)), width=width), styles)


def _styled(lines: Sequence[Sequence[str]], styles: Sequence[str]) -> Iterator[tuple[str, str]]:
    for of_row, style in zip(lines, ["bold", *styles], strict=True):
        yield from ((line, style) for line in of_row)


def _role_style(role: RoleStatus) -> str:
    return "" if role.health == HEALTHY else "red"


def role_rows(hosts: Sequence[HostStatus], now: datetime) -> Iterator[Row]:
    """A row for each role on each host, in their order."""
    yield (
        "HOST",
        "ROLE",
        "RELEASE",
        "VERSION",
        "HEALTH",
        "SINCE",
        "RESTARTS",
        "CPU",
        "MEMORY",
        "CONTAINER",
    )
    for host in hosts:
        for role in host.roles:
            yield (host.host_name, role.role_name, *_serving(role, now))


def _accessory_style(accessory: AccessoryStatus) -> str:
    if accessory.health != HEALTHY:
        return "red"
    return "yellow" if accessory.changed else ""


def accessory_rows(hosts: Sequence[HostStatus], now: datetime) -> Iterator[Row]:
    """A row for each accessory on each host, in their order."""
    yield ("HOST", "ACCESSORY", "HEALTH", "SINCE", "RESTARTS", "IMAGE", "CONFIG")
    for host in hosts:
        for one in host.accessories:
            container = one.container
            since = ago(container.started_at if container.is_running else container.ended_at, now) if container else ""
            image = container.accessory.image if container and container.accessory else ""
            config = "changed since boot" if one.changed else ("as booted" if container and one.expected else "")
            restarts = str(container.restarts) if container else ""
            yield (host.host_name, one.name, one.health, since, restarts, image, config)


def _serving(role: RoleStatus, now: datetime) -> tuple[str, ...]:
    container = role.container
    if not container:
        return ("-", "-", role.health, "", "", "", "", "")
    return (
        str(container.release_number),
        container.short_version,
        ", ".join(filter(None, (role.health, role.handover))),
        ago(container.ended_at if role.stopped else container.started_at, now),
        str(container.restarts),
        "-" if role.cpu_percent is None else f"{role.cpu_percent:.1f} %",
        _memory(role),
        container.name,
    )


def _memory(role: RoleStatus) -> str:
    if role.memory is None:
        return "-"
    return _mebibytes(role.memory) + (f" of {_mebibytes(role.memory_limit)}" if role.memory_limit else "")


def _mebibytes(count: int) -> str:
    """As limits are set: 64m is 64 MiB."""
    return f"{count / 1024**3:.1f} GiB" if count >= 1024**3 else f"{count / 1024**2:.1f} MiB".replace(".0 ", " ")


def host_rows(hosts: Sequence[HostStatus], now: datetime) -> Iterator[Row]:
    """A row for each host, in their order."""
    yield ("HOST", "FREE DISK", "USED", "LOCK", "FREEZE", "PROBLEM")
    for host in hosts:
        if host.problem:
            yield (host.host_name, "", "", "", "", host.problem.removeprefix(f"{host.host_name}: "))
        else:
            free, used = (size_text(host.disk.free), f"{host.disk.used_percent} %") if host.disk else ("?", "?")
            late = f"no answer since {ago(host.at, now)}" if now - host.at > _LATE else ""
            yield (host.host_name, free, used, _lock(host.holder, now), _freeze(host.freeze), late)


def _lock(holder: Holder | None, now: datetime) -> str:
    if not holder:
        return "free"
    since = holder.since
    with suppress(ValueError):
        since = ago(datetime.fromisoformat(holder.since), now)
    source = f", from {holder.origin}" if holder.origin != TERMINAL else ""
    return f"{holder.performer}{source}, since {since}, for {holder.purpose}"


def _freeze(freeze: Freeze | None) -> str:
    return f"frozen by {freeze.performer}{freeze.until_text}: {freeze.reason}" if freeze else ""


def history_rows(past: Sequence[PastDeploy], host_names: Sequence[str], now: datetime) -> Iterator[Row]:
    """The newest first; hosts that say the same of a deploy share a row."""
    yield ("WHEN", "BY", "FROM", "OUTCOME", "TOOK", "HOSTS", "WHAT")
    deploys: dict[tuple[str, str], list[PastDeploy]] = {}
    for deploy in reversed(past):
        deploys.setdefault((deploy.deploy_id, deploy.outcome), []).append(deploy)
    for same in deploys.values():
        newest = same[0]
        seconds = [deploy.seconds for deploy in same if deploy.seconds is not None]
        yield (
            ago(newest.begun_at, now),
            newest.performer,
            newest.origin or "-",
            newest.outcome,
            f"{max(seconds):.1f} s" if seconds else "-",
            _places([deploy.host_name for deploy in same], host_names),
            newest.title.partition(": ")[2] or newest.title,
        )


def release_rows(
    hosts: Mapping[str, Observed], role_names: Collection[str], oldest: int, now: datetime
) -> Iterator[Row]:
    """The newest first, down to the number `oldest`; hosts that say the same of a release share a row.

    `role_names` are those that are meant, all if there are none.
    """
    yield ("RELEASE", "VERSION", "OUTCOME", "WHEN", "BY", "FROM", "HOSTS", "NOTE")
    places: dict[tuple[int, Row], list[str]] = {}
    for host_name, host in hosts.items():
        for release in (release for release in host.releases if release.number >= oldest):
            note = "; ".join(_notes(host, release, role_names))
            places.setdefault((release.number, (*_told(release, now), note)), []).append(host_name)
    for number, (*told, note) in sorted(places, key=lambda key: -key[0]):
        yield (*told, _places(places[number, (*told, note)], list(hosts)), note)


def _told(release: Release, now: datetime) -> Row:
    return (
        str(release.number),
        release.short_version,
        release.outcome.value,
        ago(release.begun_at, now),
        release.performer,
        release.origin or "-",
    )


def _notes(host: Observed, release: Release, role_names: Collection[str]) -> Iterator[str]:
    serving = {name: c for name, c in host.serving_all().items() if not role_names or name in role_names}
    mine = [name for name, container in serving.items() if container.release_number == release.number]
    if mine:
        yield "serves" if len(mine) == len(serving) else f"serves {', '.join(mine)}"
    incumbent = host.incumbent_release
    if incumbent and incumbent.replaces == release.number and not _is_one_way(host, incumbent):
        yield "a rollback goes here"
    if release.outcome is ReleaseOutcome.DEPLOYED and _is_one_way(host, release):
        yield f"no way back from here: {release.irreversible}"


def _is_one_way(host: Observed, release: Release) -> bool:
    """As `Release.irreversible` says it."""
    before = host.release(release.replaces) if release.replaces else None
    return bool(release.irreversible) and before is not None and before.irreversible != release.irreversible


def _places(names: Collection[str], all_names: Collection[str]) -> str:
    """Nothing to say where there is only one host."""
    if len(all_names) < 2:
        return ""
    return "all" if set(names) >= set(all_names) else ", ".join(names)
