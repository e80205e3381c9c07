"""What tells a plan that was confirmed from another one, and what does not."""

from dataclasses import replace
from typing import Any

import pytest

from shipper.model.image import ListedImage
from shipper.model.observed import Observed
from shipper.planning.changes import Change, Changes, Sign
from shipper.planning.plan import Plan
from tests.unit.nouns import FIRST, SECOND, THIRD, A, B, a_config, a_container, a_facts, a_host, a_release, a_role
from tests.unit.test_plan import plan, serving_first

GATED = {"gate": {"http": {"port": 80}}}


def changed(made: Plan, *changes: Change) -> Plan:
    return replace(made, changes=(Changes(role_name="web", host_names=(A,), changes=changes),))


def an_env(name: str, sign: Sign = Sign.CHANGED) -> Change:
    return Change(sign=sign, kind="env", name=name)


def with_images(count: int) -> Observed:
    images = tuple(ListedImage(id=f"sha256:{number}", names=(f"shop:{number:040}",)) for number in range(count))
    releases = tuple(a_release(number, f"{number:040}") for number in range(1, 9))
    return a_host(a_container(8, f"{8:040}"), releases=releases, images=images)


def test_two_looks_at_a_world_that_did_not_change_give_one_fingerprint() -> None:
    first = plan(serving_first(), config=a_role(**GATED))
    later = plan(serving_first(), config=a_role(**GATED), deploy_id="0ccc")

    assert first.lines != later.lines
    assert first.fingerprint == later.fingerprint
    assert len(first.fingerprint) == 16
    assert int(first.fingerprint, 16)


def test_who_asks_does_not_matter() -> None:
    mine = plan(serving_first())
    yours = plan(serving_first(), facts=a_facts(performer="bob (Telegram)", origin="telegram"))

    assert mine.fingerprint == yours.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"to": (2, THIRD)}, id="another version"),
        pytest.param({"to": (3, SECOND)}, id="another number"),
        pytest.param({"hosts": (serving_first(host_name=B),)}, id="another host"),
        pytest.param({"hosts": (a_host(),)}, id="nothing serves any more"),
        pytest.param({"hosts": (serving_first(image=None),)}, id="the image has to come first"),
        pytest.param({"hosts": (serving_first(has_network=False),)}, id="the network is gone"),
        pytest.param(
            {"hosts": (a_host(a_container(1, deploy="0aab"), releases=(a_release(1),)),)},
            id="another container serves",
        ),
        pytest.param(
            {"config": a_config(roles={"web": {"hosts": [A]}, "worker": {"hosts": [A]}})},
            id="one role more",
        ),
        pytest.param({"config": a_role(publish=["80:8080"])}, id="another strategy"),
        pytest.param({"config": a_role(**GATED)}, id="another gate"),
        pytest.param({"role_names": ("web",), "command": "rollback"}, id="another command"),
    ],
)
def test_what_would_be_done_otherwise_has_another_fingerprint(other: dict[str, Any]) -> None:
    hosts = other.pop("hosts", (serving_first(),))

    assert plan(*hosts, **other).fingerprint != plan(serving_first()).fingerprint


def test_the_reason_why_counts() -> None:
    made = plan(serving_first())
    told = tuple(tuple(tuple(replace(step, because="so") for step in lane) for lane in w) for w in made.before_commit)

    assert replace(made, before_commit=told).fingerprint != made.fingerprint


def test_names_of_env_that_change_count_and_so_does_the_content_of_the_release() -> None:
    made = plan(serving_first())
    plans = [
        made,
        changed(made, an_env("TOKEN")),
        changed(made, an_env("TOKEN", Sign.REMOVED)),
        changed(made, an_env("TOKEN"), an_env("DSN")),
        changed(made, Change(sign=Sign.CHANGED, kind="config", name="roles.web.memory", before="64m", after="32m")),
        replace(made, releases=(replace(made.release, config_hash="beef"),)),
    ]

    assert len({each.fingerprint for each in plans}) == len(plans)


def test_commits_between_are_only_told_since_a_shallow_clone_knows_fewer() -> None:
    made = plan(serving_first())
    version = Change(sign=Sign.CHANGED, kind="version", before=FIRST[:7], after=SECOND[:7])
    told = Change(sign=Sign.ADDED, kind="commit", name="2222222 Faster")

    assert changed(made, version, told).fingerprint == changed(made, version).fingerprint


def test_what_is_pruned_in_the_end_does_not_count() -> None:
    few, many = (plan(with_images(count), to=(9, THIRD), retain=3) for count in (5, 7))

    assert [step.detail for step in few.steps if step.name == "prune"] != [
        step.detail for step in many.steps if step.name == "prune"
    ]
    assert few.fingerprint == many.fingerprint
