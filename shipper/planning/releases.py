"""PURE: which release is meant: a new one, the one that serves, an unfinished one, or the one before."""

from collections.abc import Collection, Mapping

from shipper.errors import ReleaseNotFound
from shipper.model.observed import Observed
from shipper.model.records import Unfinished
from shipper.model.release import Payload, Release, ReleaseOutcome
from shipper.planning.hashes import env_hash


def number_for(
    wanted: Release, payloads: Mapping[str, Payload], observed: Collection[Observed], role_names: Collection[str] = ()
) -> int:
    """The number of the release with this content: that which serves, else an unfinished newest one, else a new one.

    What serves is the newest release that does, and the newest in these roles, if any are named. Only version, image
    and config of `wanted` count, and the env of each host's payload.
    """

    def is_same(host: Observed, number: int) -> bool:
        record = host.release(number)
        return record is None or (
            (record.version, record.image, record.config_hash) == (wanted.version, wanted.image, wanted.config_hash)
            and record.env_hash == env_hash(payloads[host.host_name], record.env_salt)
        )

    newest = next_number(observed) - 1
    incumbents = {
        release.number
        for host in observed
        for release in (host.incumbent_release, host.incumbent_release_of(role_names))
        if release
    }
    unfinished = {
        newest
        for host in observed
        for record in host.releases
        if record.number == newest and record.outcome is ReleaseOutcome.UNFINISHED
    }
    for number in sorted(incumbents | unfinished, reverse=True):
        if all(is_same(host, number) for host in observed):
            return number
    return newest + 1


def next_number(observed: Collection[Observed]) -> int:
    """Containers count too: a record may have been lost, and a number must never name two things."""
    recorded = {release.number for host in observed for release in host.releases}
    running = {container.release_number for host in observed for container in (*host.containers, *host.runs)}
    return max(recorded | running, default=0) + 1


def rollback_number(
    observed: Collection[Observed], unfinished: Unfinished | None = None, role_names: Collection[str] = ()
) -> int:
    """Where a rollback without a number goes: to what served before, so that a second one goes one further back.

    After a rollback that died it goes where that one went, and after a deploy that died, to what served before it.
    With `role_names` only these roles count. Raises ReleaseNotFound.
    """
    if unfinished and not _matters(unfinished, observed, role_names):
        unfinished = None
    if unfinished and unfinished.command == "rollback":
        return unfinished.release_number
    targets: dict[str, int | None] = {}
    for host in observed:
        targets |= _targets(host, unfinished, role_names)
    if not targets:
        where = ", ".join(host.host_name for host in observed)
        raise ReleaseNotFound(f"Nothing of {' or '.join(role_names)} serves on {where}.", now="Nothing was done.")
    numbers = set(targets.values())
    numbers -= {None} if len(numbers) > 1 else set()  # a server that joined later has nothing before
    if len(numbers) > 1:
        found = ", ".join(f"{place} → {number}" for place, number in targets.items() if number)
        raise ReleaseNotFound(
            f"Different releases serve, and would go back to different ones: {found}.",
            now="Nothing was done.",
            next="Name the release (shipper rollback NUMBER; shipper releases lists them), or a part: --host, --role.",
        )
    number = numbers.pop()
    if number is None:
        raise ReleaseNotFound(
            "The release that serves is the first one: there is none before it.", now="Nothing was done."
        )
    return number


def _matters(unfinished: Unfinished, observed: Collection[Observed], role_names: Collection[str]) -> bool:
    """Whether it came so far that something is to be taken back in these roles, or gone on with."""
    if unfinished.command not in ("deploy", "rollback"):
        return False  # it changed nothing of what there is to go back to
    if role_names and unfinished.role_names and not {*role_names} & {*unfinished.role_names}:
        return False
    if unfinished.command == "rollback":
        return any(host.release(unfinished.release_number) for host in observed)
    return any(
        any(c.is_in_use and c.release_number == unfinished.release_number for c in host.containers)
        or any(r.is_release_command and r.release_number == unfinished.release_number for r in host.runs)
        or any(c.is_set_aside and c != host.stopped(c.role_name) for c in host.incumbents)
        for host in observed
    )


def _targets(host: Observed, unfinished: Unfinished | None, role_names: Collection[str]) -> dict[str, int | None]:
    """Where the host would go; or its roles, if they differ. A role that is there already stays."""
    newest = host.incumbent_release_of(role_names or host.role_names)
    if not newest and role_names:
        return {}
    if not newest:
        raise ReleaseNotFound(
            f"{host.host_name}: nothing serves there, so there is no release before it.",
            next="Name the release: shipper rollback NUMBER (shipper releases lists them).",
        )
    target = _before(newest, host, unfinished)
    found = {f"{host.host_name}": target}
    for container in host.incumbents:
        release = host.release(container.release_number)
        if not release or container.role_name not in (role_names or host.role_names):
            continue
        if target not in (release.number, other := _before(release, host, unfinished)):
            found[f"{container.role_name} on {host.host_name}"] = other
    return found


def _before(release: Release, host: Observed, unfinished: Unfinished | None) -> int | None:
    if not unfinished:
        return release.replaces
    begun = host.release(unfinished.release_number)
    return begun.replaces if begun else release.number


def hosts_of(number: int, hosts: Mapping[str, Observed], role_names: Collection[str]) -> dict[str, Observed]:
    """Those that a rollback to this release means: where only some roles go back, not those that know nothing of it.

    Raises ReleaseNotFound.
    """
    meant = {
        name: host
        for name, host in hosts.items()
        if not role_names or host.release(number) or host.incumbent_release_of(role_names)
    }
    if not meant:
        raise ReleaseNotFound(f"{', '.join(hosts)}: there is no release {number}.", now="Nothing was done.")
    return meant


def refuse_other_content(number: int, hosts: Mapping[str, Observed]) -> None:
    """Two deploys that could not see each other, for --host, may have given one number to two things.

    Raises ReleaseNotFound.
    """
    records = {name: record for name, host in hosts.items() if (record := host.release(number))}
    if len({(record.version, record.image, record.config_hash) for record in records.values()}) > 1:
        found = ", ".join(f"{name} → {record.short_version}" for name, record in records.items())
        raise ReleaseNotFound(
            f"Release {number} is not the same everywhere: {found}.",
            now="Nothing was done.",
            next=f"Name the hosts of the one that is meant: shipper rollback {number} --host HOST.",
        )


def refuse_absent_roles(number: int, payloads: Collection[Payload], role_names: Collection[str]) -> None:
    """Raises ReleaseNotFound."""
    for role_name in role_names:
        if not any(role_name in payload.env for payload in payloads):
            there = dict.fromkeys(name for payload in payloads for name in payload.env)
            raise ReleaseNotFound(
                f"Release {number} has no role {role_name}.",
                now=f"It has: {', '.join(there)}. Nothing was done.",
                next=f"Name another release, or deploy: shipper deploy --role {role_name}.",
            )


def last_deployed(host: Observed) -> int:
    """The number of the release that the newest deploy which came to its end has left there; 0 if there was none.

    After a rollback it is not the highest one.
    """
    deployed = {release.number for release in host.releases if release.outcome is ReleaseOutcome.DEPLOYED}
    left = [(c.deploy_id, c.release_number) for c in host.incumbents if c.release_number in deployed]
    return max(left)[1] if left else max(deployed, default=0)
