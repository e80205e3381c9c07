"""What may be done, and which kind of person may do it: the one table of that."""

from enum import StrEnum


class Verb(StrEnum):
    PLAN = "plan"
    STATUS = "status"
    RELEASES = "releases"
    HISTORY = "history"
    LOGS = "logs"
    ENV = "env"
    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    RESTART = "restart"
    ABORT = "abort"
    LOCK = "lock"
    UNLOCK = "unlock"
    MUTE = "mute"
    """Acknowledge an alert, or silence it."""
    APPROVE = "approve"
    """Confirm what another one asked for."""
    FORCE = "force"
    """Deploy a commit that CI calls red, or that is not proven where it is promoted from."""


class Rank(StrEnum):
    """Not "role", which is what a container does."""

    VIEWER = "viewer"
    DEPLOYER = "deployer"
    APPROVER = "approver"
    ADMIN = "admin"


LOOKING = frozenset({Verb.PLAN, Verb.STATUS, Verb.RELEASES, Verb.HISTORY, Verb.LOGS, Verb.ENV})

VERBS = {
    Rank.VIEWER: LOOKING,
    Rank.DEPLOYER: LOOKING | {Verb.DEPLOY, Verb.ROLLBACK, Verb.RESTART, Verb.ABORT, Verb.LOCK, Verb.UNLOCK, Verb.MUTE},
    Rank.APPROVER: LOOKING | {Verb.APPROVE, Verb.ABORT, Verb.MUTE},
    Rank.ADMIN: frozenset(Verb),
}
