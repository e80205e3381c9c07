"""What those are told whom `notify` names."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from shipper.model.observed import Serving
from shipper.model.outcome import Deployed, Outcome, Unchanged
from shipper.model.records import Freeze
from shipper.notify.announcement import Announcement, of_end_without_outcome, of_freeze, of_outcome, of_start
from tests.unit.nouns import BEGUN, SECOND, A, a_container, a_facts, a_failure, a_release

DEPLOYED = Deployed(release=a_release(2, SECOND), seconds=3.14159)
DOCUMENTED = (Path(__file__).parents[2] / "docs/notify.md").read_text()


def told(outcome: Outcome, command: str = "deploy") -> Announcement:
    made = of_outcome(a_facts(command=command), outcome, BEGUN)
    assert made
    return made


def test_the_documented_example_is_what_is_sent() -> None:
    serving = (Serving(host_name=A, role_name="web", container=a_container()),)
    example = re.search(r"```json\n(.*?)```", DOCUMENTED, re.DOTALL)

    assert example
    assert told(a_failure(serving=serving)).body == json.loads(example[1])


def test_a_start_says_what_begins_and_who_began_it() -> None:
    made = of_start(a_facts(destination="staging"), BEGUN)

    assert made.title == "shop-staging: deploy of 2222222 begins"
    assert made.text == "Instead of release 1 of 1111111.\nBy ann@laptop, from terminal."
    assert of_start(a_facts(command="rollback"), BEGUN).title == "shop: rollback to 2222222 begins"
    assert (made.occasion, made.body["destination"]) == ("start", "staging")


def test_a_deploy_that_succeeded_and_a_rollback_that_did_are_two_occasions() -> None:
    assert [told(DEPLOYED).occasion, told(DEPLOYED, "rollback").occasion] == ["success", "rollback"]
    assert told(DEPLOYED).body["outcome"] == {"kind": "deployed", "exit_code": 0, "seconds": 3.1}


def test_an_interrupt_is_a_failure_that_is_called_so() -> None:
    made = told(a_failure(error_code=130, restored=True))

    assert (made.occasion, made.body["outcome"]["kind"]) == ("failure", "interrupted")
    assert made.title == "shop: interrupted at check web on a.example."


def test_where_nothing_was_changed_nobody_is_told() -> None:
    assert of_outcome(a_facts(), Unchanged(release=a_release(2)), BEGUN) is None


def test_what_began_and_came_to_no_outcome_is_a_failure() -> None:
    made = of_end_without_outcome(a_facts(), "The connection broke.", BEGUN)

    assert (made.occasion, made.body["outcome"]) == ("failure", {"kind": "failed", "reason": "The connection broke."})


def test_a_freeze_tells_until_when_and_why_and_that_it_was_lifted() -> None:
    freeze = Freeze(performer="ann", reason="an audit", since=BEGUN, until=BEGUN + timedelta(hours=2))
    facts = replace(a_facts(), release=None, replaces=None, replaces_version="")

    assert of_freeze(facts, freeze, BEGUN).title == "shop: deploys are frozen until 2026-03-01 14:00 UTC: an audit"
    assert of_freeze(facts, None, BEGUN).title == "shop: deploys are possible again"
    assert json.loads(json.dumps(of_freeze(facts, freeze, BEGUN).body))["freeze"]["reason"] == "an audit"
