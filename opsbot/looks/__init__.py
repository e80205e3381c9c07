"""What needs no plan: a function for each verb, which answers a request in its message."""

from collections.abc import Awaitable, Callable, Mapping

from opsbot.desk import Desk
from opsbot.looks import abort, env, history, locks, logs, releases, status
from opsbot.storage.requests import Request
from opsbot.verbs import Verb

LOOKS: Mapping[Verb, Callable[[Desk, Request], Awaitable[None]]] = {
    Verb.STATUS: status.look,
    Verb.RELEASES: releases.look,
    Verb.HISTORY: history.look,
    Verb.LOGS: logs.look,
    Verb.ENV: env.look,
    Verb.LOCK: locks.lock,
    Verb.UNLOCK: locks.unlock,
    Verb.ABORT: abort.abort,
}
"""Each raises ShipperError."""
