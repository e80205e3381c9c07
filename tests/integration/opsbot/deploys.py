"""Deploys that people ask for and confirm, up to a moment."""

from tests.fakes.telegram import Message
from tests.integration.killing import journal
from tests.integration.opsbot.house import House
from tests.integration.waiting import eventually

HANGS = "gate: {http: {port: 8080, path: /go}, deadline: 30s, interval: 20ms, settle: 20ms}"
"""A role whose gate waits until it is let through."""


def deploys(ops: House, commit: str, who: str = "deployer") -> Message:
    """Confirmed. The command."""
    asked = ops[who].sends_text(f"/deploy production {commit[:7]}")
    ops.presses(who, "Confirm", asked)
    return asked


def deploys_up_to(ops: House, place: str, commit: str, who: str = "deployer") -> Message:
    """… and the journal says that it has come so far."""
    before = len(journal(ops.project))
    asked = deploys(ops, commit, who)
    eventually(lambda: place in written(ops, before), f"{place!r}", within=20, every=0.005)
    return asked


def written(ops: House, before: int) -> list[str]:
    """What stands in the journal after so many entries."""
    return [f"{entry['event']} {entry.get('step', '')}".strip() for entry in journal(ops.project)[before:]]


def is_let_through(ops: House) -> None:
    """What waits at the gate passes it, and the deploy comes to its end."""
    before = len(journal(ops.project))
    newest = ops.project.containers()[0]
    ops.project.server.docker("exec", newest["Id"], "/bin/sh", "-c", ">/www/go")
    eventually(lambda: "outcome" in written(ops, before), "the end of the deploy")
