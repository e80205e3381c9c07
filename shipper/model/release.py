"""Releases: what serves, served, or was to serve."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shipper.config.root import Config
from shipper.model.secret import PRIVATE, Env, Secret


class Lacking(StrEnum):
    """Why Git names no commit here."""

    GIT = "git"
    REPOSITORY = "repository"
    COMMIT = "commit"
    """The repository is a new one."""


class ReleaseOutcome(StrEnum):
    UNFINISHED = "unfinished"
    DEPLOYED = "deployed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Release:
    """One state of a service that was, or was to be, on one host: its record, without the values in its env."""

    number: int
    version: str
    """Git SHA of the commit, with `-dirty-…` if the tree was dirty; or the tag of a ready-made image."""
    image: str
    image_id: str
    config_hash: str
    env_hash: str = field(repr=False, metadata=PRIVATE)
    env_salt: str = field(repr=False, metadata=PRIVATE)
    replaces: int | None
    """The release that served before this one: where a rollback goes."""
    performer: str
    begun_at: datetime
    origin: str = ""
    """From where, as in `Project`; empty in records of older versions."""
    irreversible: str = ""
    """The config's `release.irreversible`: where it differs from that of the release before, there is no way back."""
    outcome: ReleaseOutcome = ReleaseOutcome.UNFINISHED

    @property
    def short_version(self) -> str:
        return short(self.version)


def short(version: str) -> str:
    """A version for people: seven digits of its commit, and what else stands in it."""
    commit = commit_of(version)
    return commit[:7] + version.removeprefix(commit) if commit else version


def commit_of(version: str) -> str:
    """The Git SHA in a version; empty where it names none, being the tag of a ready-made image."""
    commit = version.partition("-")[0]
    return commit if len(commit) == 40 and all(digit in "0123456789abcdef" for digit in commit) else ""


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What a release needs beside its image, for one host: kept there, with the values of its secrets."""

    config: Config
    env: Mapping[str, Env]
    """For each role of the host."""
    files: Mapping[str, Mapping[str, Secret]]
    """For each role of the host: path in the container → content."""
    secrets: Env
