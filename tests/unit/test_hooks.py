"""What hooks are told, and when it is their turn."""

from pathlib import Path
from typing import Any

import pytest

from shipper import open_project
from shipper.config.root import Config
from shipper.model.release import ReleaseOutcome
from shipper.planning.deploy_plan import make_plan
from shipper.planning.facts import facts_of
from shipper.planning.hooks import hook
from shipper.planning.plan import Plan
from tests.unit.nouns import (
    BEGUN,
    FIRST,
    SECOND,
    A,
    B,
    a_config,
    a_container,
    a_facts,
    a_failure,
    a_host,
    a_release,
    by_name,
)
from tests.unit.test_plan import wanted

ALL = {
    name: {"command": [f"./{name}"]}
    for name in ("pre-build", "pre-deploy", "post-deploy", "post-failure", "pre-rollback", "post-rollback")
}
HOOKS = a_config(hooks=ALL)
R1 = a_release(1, FIRST)
DOCUMENTED = (Path(__file__).parents[2] / "docs/hooks.md").read_text()


def planned(config: Config, *hosts: Any, command: str = "deploy", number: int = 2, **changed: Any) -> Plan:
    hooks = {name: made for name in ALL if (made := hook(config, name, a_facts(), BEGUN))}  # type: ignore[arg-type]
    observed = by_name(*hosts)
    return make_plan(wanted(config, number, SECOND, observed, hooks=hooks, command=command, **changed), observed)


def order(plan: Plan) -> list[str]:
    return [f"{step.name} {step.role_name}".strip() for step in plan.steps]


def test_hooks_run_before_the_build_before_the_swap_and_after_the_commit() -> None:
    host = a_host(a_container(), releases=(R1,), image=None)

    plan = planned(HOOKS, host, here=None)

    assert order(plan) == [
        *("pre-build", "build", "ship", "release", "create web"),
        "pre-deploy",
        *("start web", "check web", "swap web", "commit", "retire web"),
        "post-deploy",
    ]
    assert "here pre-deploy ./pre-deploy" in [" ".join(line.split()) for line in plan.lines]


def test_nothing_is_stopped_before_the_hook_where_a_role_is_recreated() -> None:
    config = a_config(hooks=ALL, roles={"web": {"hosts": [A], "singleton": True}})

    names = order(planned(config, a_host(a_container(), releases=(R1,))))

    assert names.index("pre-deploy") < names.index("stop web")


def test_where_hosts_go_one_after_the_other_it_runs_once_before_the_first() -> None:
    config = a_config(hooks=ALL, roles={"web": {"hosts": [A, B]}}, rollout={"first_host_first": True})

    names = order(planned(config, a_host(), a_host(host_name=B)))

    assert names.count("pre-deploy") == names.count("post-deploy") == 1
    assert names.index("pre-deploy") < names.index("start web")


def test_a_rollback_has_its_own_hooks() -> None:
    there = a_host(a_container(2, SECOND), releases=(R1, a_release(2, SECOND, replaces=1)))

    names = order(planned(HOOKS, there, command="rollback", number=1))

    assert [name for name in names if name in ALL] == ["pre-rollback", "post-rollback"]


def test_where_nothing_changes_no_hook_runs() -> None:
    assert planned(HOOKS, a_host(a_container(2, SECOND), releases=(a_release(2, SECOND),))).is_empty


def test_what_was_swapped_but_not_committed_still_gets_its_last_hook() -> None:
    swapped = a_release(2, SECOND, outcome=ReleaseOutcome.UNFINISHED)

    assert order(planned(HOOKS, a_host(a_container(2, SECOND), releases=(swapped,)))) == ["commit", "post-deploy"]


def test_without_hooks_the_plan_is_what_it_was() -> None:
    names = order(planned(a_config(), a_host(a_container(), releases=(R1,))))

    assert not [name for name in names if name in ALL]


def test_after_a_failure_a_hook_is_told_where_why_and_what_serves() -> None:
    failure = a_failure(reason="no \0 database" + "!" * 5000, restored=None)

    made = hook(HOOKS, "post-failure", a_facts(), BEGUN, failure)

    assert made
    told = {name: made.environ[f"SHIPPER_{name}"] for name in ("OUTCOME", "EXIT_CODE", "STEP", "RESTORED")}
    assert told == {"OUTCOME": "failed", "EXIT_CODE": "21", "STEP": "check web on a.example", "RESTORED": "unknown"}
    assert made.environ["SHIPPER_REASON"].startswith("no  database!!!")
    assert len(made.environ["SHIPPER_REASON"]) == 4000


def test_all_that_a_hook_is_told_is_documented_and_all_that_is_documented_is_told() -> None:
    made = hook(HOOKS, "post-failure", a_facts(), BEGUN, a_failure())

    assert made
    documented = {line.split("`")[1] for line in DOCUMENTED.splitlines() if line.startswith("| `SHIPPER_")}
    assert {*made.environ, "SHIPPER_SECONDS"} == documented


def test_facts_name_what_is_replaced_and_the_commit_of_a_dirty_version(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text("{service: shop, image: shop, roles: {web: {hosts: [a.example, b.example]}}}")
    project = open_project(tmp_path, config_file="deploy.yaml", environ={}, hosts=["a.example"], performer="ann")
    release = a_release(3, f"{SECOND}-dirty-abcdef12")
    hosts = (a_host(a_container(), releases=(R1,)), a_host(a_container(2, SECOND), releases=(a_release(2, SECOND),)))

    facts = facts_of(project, "deploy", release, hosts)

    assert (facts.replaces, facts.replaces_version, facts.commit) == (2, SECOND, SECOND)
    assert (facts.hosts, facts.roles, facts.performer) == (("a.example",), ("web",), "ann")


def test_what_is_replaced_is_what_serves_in_the_roles_that_are_meant(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text(
        "{service: shop, image: shop, roles: {web: {hosts: [a.example]}, cron: {hosts: [a.example]}}}"
    )
    project = open_project(tmp_path, config_file="deploy.yaml", environ={}, roles=["cron"], performer="ann")
    host = a_host(a_container(2, SECOND), a_container(role="cron"), releases=(R1, a_release(2, SECOND)))

    assert facts_of(project, "deploy", a_release(2, SECOND), [host]).replaces == 1
    assert facts_of(project, "deploy", a_release(3, "3" * 40), [host]).replaces == 1


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["./bin/announce", "it"], "./bin/announce it"),
        ("echo one\necho two\n", "echo one …"),
        ("echo one\n", "echo one"),
    ],
)
def test_a_plan_shows_a_hook_in_one_line(given: object, shown: str) -> None:
    made = hook(a_config(hooks={"pre-deploy": {"command": given}}), "pre-deploy", a_facts(), BEGUN)

    assert made
    assert made.detail == shown


def test_only_what_runs_afterwards_is_told_how_long_it_took() -> None:
    before, after = (hook(HOOKS, name, a_facts(), BEGUN) for name in ("pre-deploy", "post-deploy"))

    assert before
    assert after
    assert (before.since, after.since) == (None, BEGUN)
