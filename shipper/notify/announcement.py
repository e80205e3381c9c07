"""PURE: what those are told whom the config's `notify` names: as JSON, and in plain words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from shipper.config.parts import Occasion
from shipper.events import as_json
from shipper.model.outcome import Deployed, Failed, Outcome
from shipper.model.records import Freeze
from shipper.model.release import short
from shipper.planning.facts import Facts, outcome_word
from shipper.reporters.words import outcome_lines, work_text


@dataclass(frozen=True, kw_only=True)
class Announcement:
    occasion: Occasion
    title: str
    text: str
    body: Mapping[str, Any]
    """As docs/notify.md describes it."""


def of_start(facts: Facts, at: datetime) -> Announcement:
    return _announcement("start", facts, at, title=f"{_name(facts)}: {work_text(facts)} begins", text=_change(facts))


def of_outcome(facts: Facts, outcome: Outcome, at: datetime) -> Announcement | None:
    """None where nothing was changed."""
    if isinstance(outcome, Failed):
        title, *more = outcome_lines(_name(facts), outcome)
        text = "\n".join([*more, _by(facts)])
        return _announcement("failure", facts, at, title=title, text=text, outcome=_told_of(outcome))
    if not isinstance(outcome, Deployed):
        return None
    (title,) = outcome_lines(_name(facts), outcome)
    occasion: Occasion = "rollback" if facts.command == "rollback" else "success"
    told = {"kind": outcome_word(outcome), "exit_code": outcome.exit_code, "seconds": round(outcome.seconds, 1)}
    return _announcement(occasion, facts, at, title=title, text=_change(facts), outcome=told)


def of_end_without_outcome(facts: Facts, reason: str, at: datetime) -> Announcement:
    """Of one that had begun, and could not find out, or write down, what became of it."""
    told = {"kind": "failed", "reason": reason}
    title = f"{_name(facts)}: {work_text(facts)} failed"
    return _announcement("failure", facts, at, title=title, text=f"Reason: {reason}\n{_by(facts)}", outcome=told)


def of_freeze(facts: Facts, freeze: Freeze | None, at: datetime) -> Announcement:
    """None is a freeze that was lifted."""
    told = as_json(freeze) if freeze else None
    is_now = f"deploys are frozen{freeze.until_text}: {freeze.reason}" if freeze else "deploys are possible again"
    return _announcement("freeze", facts, at, title=f"{_name(facts)}: {is_now}", text=_by(facts), freeze=told)


def _announcement(
    occasion: Occasion, facts: Facts, at: datetime, *, title: str, text: str, **more: Any
) -> Announcement:
    body = {"event": occasion, "at": at.isoformat(timespec="seconds"), "title": title, "text": text}
    return Announcement(occasion=occasion, title=title, text=text, body={**body, **as_json(asdict(facts)), **more})


def _told_of(outcome: Failed) -> dict[str, Any]:
    fields = as_json(outcome)
    return {
        "kind": outcome_word(outcome),
        "exit_code": outcome.exit_code,
        **{name: fields[name] for name in ("step", "reason", "logs", "restored", "next")},
        "serving": [
            {
                "host": row.host_name,
                "role": row.role_name,
                "release": row.container.release_number if row.container else None,
                "version": row.container.version if row.container else "",
            }
            for row in outcome.serving
        ],
    }


def _name(facts: Facts) -> str:
    return f"{facts.service}-{facts.destination}" if facts.destination else facts.service


def _by(facts: Facts) -> str:
    return f"By {facts.performer}, from {facts.origin}."


def _change(facts: Facts) -> str:
    replaced = f"Instead of release {facts.replaces} of {short(facts.replaces_version)}.\n" if facts.replaces else ""
    return f"{replaced}{_by(facts)}"
