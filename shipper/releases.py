"""PURE: which release is meant: a new one, the one that serves, an unfinished one, or the one before."""

import hashlib
import json
from collections.abc import Collection, Mapping

from shipper.config import Config
from shipper.errors import ReleaseNotFound
from shipper.model import Observed, Payload, Release, ReleaseOutcome, Secret


def config_hash(config: Config) -> str:
    """Of what makes containers; how servers are reached, say, is no part of a release."""
    shown = config.model_dump(mode="json", include={"service", "image", "roles"})
    for role in shown["roles"].values():
        del role["hosts"]
    return _digest(json.dumps(shown, sort_keys=True))


def env_hash(payload: Payload, salt: str) -> str:
    """Salted, so that a value that can be guessed cannot be found out from the hash."""

    def revealed(values: Mapping[str, Mapping[str, Secret]]) -> object:
        return {role: {name: value.reveal() for name, value in env.items()} for role, env in values.items()}

    return _digest(salt + json.dumps([revealed(payload.env), revealed(payload.files)], sort_keys=True))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def number_for(wanted: Release, payloads: Mapping[str, Payload], observed: Collection[Observed]) -> int:
    """The number of the release with this content: that which serves, else an unfinished newest one, else a new one.

    Only version, image and config of `wanted` count, and the env of each host's payload.
    """

    def is_same(host: Observed, number: int) -> bool:
        record = host.release(number)
        return record is None or (
            (record.version, record.image, record.config_hash) == (wanted.version, wanted.image, wanted.config_hash)
            and record.env_hash == env_hash(payloads[host.host_name], record.env_salt)
        )

    newest = next_number(observed) - 1
    serving = {host.serving_release.number for host in observed if host.serving_release}
    unfinished = {
        newest
        for host in observed
        for record in host.releases
        if record.number == newest and record.outcome is ReleaseOutcome.UNFINISHED
    }
    for number in sorted(serving | unfinished, reverse=True):
        if all(is_same(host, number) for host in observed):
            return number
    return newest + 1


def next_number(observed: Collection[Observed]) -> int:
    """Containers count too: a record may have been lost, and a number must never name two things."""
    recorded = {release.number for host in observed for release in host.releases}
    running = {container.release_number for host in observed for container in host.containers}
    return max(recorded | running, default=0) + 1


def rollback_number(observed: Collection[Observed]) -> int:
    """Where a rollback without a number goes: to what served before, so that a second one goes one further back.

    Raises ReleaseNotFound.
    """
    serving = {host.host_name: host.serving_release for host in observed}
    if None in serving.values():
        name = next(name for name, release in serving.items() if release is None)
        raise ReleaseNotFound(
            f"{name}: nothing serves there, so there is no release before it.",
            next="Name the release: shipper rollback NUMBER (shipper releases lists them).",
        )
    unfinished = {host.host_name for host in observed if _is_left_unfinished(host)}
    targets = {
        release.number if name in unfinished else release.replaces for name, release in serving.items() if release
    }
    targets -= {None} if len(targets) > 1 else set()  # a server that joined later has nothing before
    if len(targets) > 1:
        found = ", ".join(f"{name} → {release.replaces}" for name, release in serving.items() if release)
        raise ReleaseNotFound(
            f"The hosts serve different releases, and would go back to different ones: {found}.",
            next="Name the release: shipper rollback NUMBER (shipper releases lists them).",
        )
    target = targets.pop()
    if target is None:
        raise ReleaseNotFound(
            "The release that serves is the first one: there is none before it.", now="Nothing was done."
        )
    return target


def _is_left_unfinished(host: Observed) -> bool:
    """A rollback died before it had stopped what it went back from: the same command goes on with it."""
    serving = host.serving_release
    return serving is not None and any(
        container.is_running and not container.is_committed and container.release_number > serving.number
        for container in host.containers
    )
