"""Plans of a restart, a start and a stop, and of deploys of a part: whole, as text."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shipper.config.root import Config
from shipper.errors import ReleaseNotFound, UsageError
from shipper.events import Event, Warned
from shipper.git import Revision
from shipper.model.container import SET_ASIDE, Container, ContainerState
from shipper.model.observed import Observed
from shipper.model.records import Unfinished
from shipper.model.release import Release, ReleaseOutcome
from shipper.observe import stopped_roles
from shipper.operations.freezing import freeze, unfreeze
from shipper.operations.precautions import warn_of_left_out
from shipper.operations.rollbacks import warn_of_unnamed_hosts
from shipper.planning.deploy_plan import make_plan
from shipper.planning.hashes import env_hash
from shipper.planning.host_plan import HostPlan
from shipper.planning.image_plan import Sources
from shipper.planning.lifecycle_plan import plan_stop, plan_turn, refuse_two_of_one
from shipper.planning.plan import Plan
from shipper.planning.releases import hosts_of, number_for, refuse_absent_roles, refuse_other_content, rollback_number
from shipper.planning.wanted import Wanted
from shipper.project import Project
from shipper.steps.prune import Prune
from shipper.steps.retire import Retire
from shipper.steps.stop import Stop
from tests.unit.nouns import (
    FIRST,
    SECOND,
    THIRD,
    A,
    B,
    a_config,
    a_container,
    a_facts,
    a_host,
    a_payload,
    a_release,
    a_role,
    a_run,
    a_stopped,
    an_image,
    an_uncommitted,
    by_name,
)

R1, R2 = a_release(1, FIRST), a_release(2, SECOND, replaces=1)
TWO_ROLES = a_config(roles={"web": {"hosts": [A]}, "cron": {"hosts": [A], "singleton": True}})
HANDS_OVER = a_role(singleton=True, handover={"port": 8081, "path": "/health"})


def text_of(made: Plan) -> str:
    return "\n".join(made.lines) + "\n"


def set_aside(number: int = 1, version: str = FIRST, **changed: Any) -> Container:
    return a_stopped(number, version, restart_policy=SET_ASIDE, **changed)


def a_part(host: Observed, release: Release, config: Config, *role_names: str, **changed: Any) -> HostPlan:
    """What a host needs to serve this release in these roles."""
    values: dict[str, Any] = {
        "full_name": "shop",
        "deploy_id": "0bbb",
        "command": "restart",
        "releases": {host.host_name: release},
        "payloads": {host.host_name: a_payload(config, host.host_name)},
        "retain": 5,
        "removes_images": True,
        "sources": Sources(image_name=release.image, here=an_image()),
        "role_names": role_names,
        "renew": changed.get("command", "restart") == "restart",
    }
    return HostPlan(Wanted(**{"facts": a_facts(), **values, **changed}), host)


# A restart


def test_a_restart_makes_a_new_container_of_what_serves_and_overlaps_it() -> None:
    host = a_host(a_container(1), releases=(R1,))
    assert text_of(plan_turn([a_part(host, R1, a_config(), "web")])) == """\
shop: restart of web (release 1 of 1111111)
a.example  web  create   shop-web-r1-0bbb
a.example  web  start    shop-web-r1-0bbb, because overlap: it may run twice
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r1-0bbb serves instead of shop-web-r1-0aaa
a.example       commit   release 1
a.example  web  retire   shop-web-r1-0aaa, because the new one serves
"""


def test_a_restart_stops_what_must_not_run_twice_first() -> None:
    host = a_host(a_container(1), releases=(R1,))
    assert text_of(plan_turn([a_part(host, R1, a_role(publish=["80:8080"]), "web")])) == """\
shop: restart of web (release 1 of 1111111)
a.example  web  create   shop-web-r1-0bbb
a.example  web  stop     shop-web-r1-0aaa, because recreate: two containers cannot publish port 80:8080
a.example  web  start    shop-web-r1-0bbb, because a restart is asked for
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r1-0bbb serves
a.example       commit   release 1
a.example  web  retire   shop-web-r1-0aaa, because the new one serves
"""


def test_a_restart_hands_over_where_that_is_known() -> None:
    host = a_host(a_container(1, hands_over=True), releases=(R1,))
    assert text_of(plan_turn([a_part(host, R1, HANDS_OVER, "web")])) == """\
shop: restart of web (release 1 of 1111111)
a.example  web  create   shop-web-r1-0bbb
a.example  web  start    shop-web-r1-0bbb, because handover: it must never run twice, and knows how to hand over
a.example  web  check    GET /health on port 8081 within 30s
a.example  web  handover shop-web-r1-0bbb becomes active, shop-web-r1-0aaa drains
a.example       commit   release 1
a.example  web  retire   shop-web-r1-0aaa, because the new one serves
"""


def test_a_restart_keeps_the_release_of_each_host_and_role() -> None:
    config = a_config(roles={"web": {"hosts": [A, B]}, "cron": {"hosts": [A], "singleton": True}})
    ahead = a_host(a_container(2, SECOND), a_container(1, role="cron"), releases=(R1, R2))
    behind = a_host(a_container(1), releases=(R1,), host_name=B)
    parts = [a_part(ahead, R2, config, "web"), a_part(ahead, R1, config, "cron"), a_part(behind, R1, config, "web")]
    assert text_of(plan_turn(parts)) == """\
shop: restart of web (release 2 of 2222222, release 1 of 1111111), cron (release 1 of 1111111)
a.example  web   create   shop-web-r2-0bbb
a.example  cron  create   shop-cron-r1-0bbb
b.example  web   create   shop-web-r1-0bbb
a.example  web   start    shop-web-r2-0bbb, because overlap: it may run twice
a.example  web   check    the image's HEALTHCHECK, else runs for 5s
a.example  web   swap     shop-web-r2-0bbb serves instead of shop-web-r2-0aaa
b.example  web   start    shop-web-r1-0bbb, because overlap: it may run twice
b.example  web   check    the image's HEALTHCHECK, else runs for 5s
b.example  web   swap     shop-web-r1-0bbb serves instead of shop-web-r1-0aaa
a.example  cron  stop     shop-cron-r1-0aaa, because recreate: it must never run twice
a.example  cron  start    shop-cron-r1-0bbb, because a restart is asked for
a.example  cron  check    the image's HEALTHCHECK, else runs for 5s
a.example  cron  swap     shop-cron-r1-0bbb serves
a.example        commit   release 2
a.example  web   retire   shop-web-r2-0aaa, because the new one serves
a.example        commit   release 1
a.example  cron  retire   shop-cron-r1-0aaa, because the new one serves
b.example        commit   release 1
b.example  web   retire   shop-web-r1-0aaa, because the new one serves
"""


def test_a_restart_that_died_is_done_again_from_what_it_left() -> None:
    host = a_host(a_container(1), an_uncommitted(1, deploy="0aab"), releases=(R1,))
    assert text_of(plan_turn([a_part(host, R1, a_config(), "web")])) == """\
shop: restart of web (release 1 of 1111111)
a.example  web  create   shop-web-r1-0bbb
a.example  web  stop     shop-web-r1-0aab, because an unfinished deploy left it
a.example  web  start    shop-web-r1-0bbb, because overlap: it may run twice
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r1-0bbb serves instead of shop-web-r1-0aaa
a.example       commit   release 1
a.example  web  retire   shop-web-r1-0aaa, because the new one serves
"""


def test_restarts_do_not_pile_up_containers() -> None:
    host = a_host(a_stopped(1, deploy="0aab"), a_container(1, deploy="0aac"), releases=(R1,))
    made = plan_turn([a_part(host, R1, a_config(), "web")])
    assert [step.container_names for step in made.steps if isinstance(step, Prune)] == [("shop-web-r1-0aab",)]


@pytest.mark.parametrize("command", ["restart", "start"])
def test_a_migration_that_a_dead_deploy_left_running_goes_on(command: str) -> None:
    host = a_host(a_container(1), releases=(R1,), runs=(a_run(2, SECOND, state=ContainerState.RUNNING),))
    assert "release-r2" not in text_of(plan_turn([a_part(host, R1, a_config(), "web", command=command)]))


def test_what_a_deploy_that_died_is_gone_on_with_is_not_pruned_by_a_restart() -> None:
    died = replace(R2, outcome=ReleaseOutcome.UNFINISHED)
    host = a_host(a_container(1), releases=(R1, died), runs=(a_run(2, SECOND),))
    assert not [step for step in plan_turn([a_part(host, R1, a_config(), "web")]).steps if isinstance(step, Prune)]


def test_a_singleton_that_a_dead_deploy_left_on_two_hosts_is_neither_restarted_nor_started() -> None:
    here = a_host(set_aside(1), releases=(R1,))
    there = a_host(an_uncommitted(2, SECOND), host_name=B)
    with pytest.raises(ReleaseNotFound) as caught:
        refuse_two_of_one([a_part(here, R1, a_role(singleton=True), "web")], by_name(here, there))
    assert str(caught.value) == (
        "web must not run twice, and is on a.example and b.example.\nNothing was done.\n"
        "shipper deploy --role web makes it serve where the config has it, and nowhere else."
    )


# A stop


def stop(*hosts: Observed, config: Config = TWO_ROLES, role_names: Collection[str] = ()) -> Plan:
    return plan_stop(
        hosts, config=config, role_names=role_names, full_name="shop", deploy_id="0bbb", facts=a_facts(command="stop")
    )


def test_a_stop_stops_all_roles_on_all_hosts_side_by_side_and_ends_there() -> None:
    first = a_host(a_container(2, SECOND), a_container(2, SECOND, role="cron"), releases=(R2,))
    assert text_of(stop(first, a_host(a_container(1), host_name=B, releases=(R1,)))) == """\
shop: stop of web, cron
a.example  web   stop     shop-web-r2-0aaa
a.example  cron  stop     shop-cron-r2-0aaa
b.example  web   stop     shop-web-r1-0aaa
"""


def test_a_stop_of_one_role_leaves_the_others_alone() -> None:
    host = a_host(a_container(1), a_container(1, role="cron"), releases=(R1,))
    assert text_of(stop(host, role_names=("cron",))) == """\
shop: stop of cron
a.example  cron  stop     shop-cron-r1-0aaa
"""


def test_a_stop_of_the_container_that_it_runs_in_is_refused() -> None:
    own = a_container(1, role="cron")
    host = a_host(a_container(1), own, releases=(R1,), own=own)
    assert not stop(host, role_names=("web",)).is_empty
    with pytest.raises(UsageError) as caught:
        stop(host)
    assert str(caught.value) == (
        "This stop runs in shop-cron-r1-0aaa, and would stop it before its own end.\n"
        "Nothing was done: what serves goes on.\n"
        "Run it once from elsewhere, a terminal or CI, or let it mean other roles than cron: a container can only "
        "replace itself by a handover."
    )


def test_what_served_is_set_aside_and_what_a_dead_deploy_left_is_stopped_for_good() -> None:
    made = stop(a_host(a_container(1), an_uncommitted(2, SECOND, deploy="0aab"), releases=(R1,)))
    stops = [step for step in made.steps if isinstance(step, Stop)]
    assert [(step.container_name, step.was_serving) for step in stops] == [
        ("shop-web-r1-0aaa", True),
        ("shop-web-r2-0aab", False),
    ]


def test_what_was_stopped_on_purpose_is_not_stopped_again() -> None:
    made = stop(a_host(set_aside(1), releases=(R1,), stopped_roles=frozenset({"web"})))
    assert text_of(made) == "shop: stop of nothing: nothing runs\nnothing to do\n"


def test_what_a_dead_deploy_had_stopped_is_stopped_once_more_so_that_it_counts_as_wanted() -> None:
    made = stop(a_host(set_aside(1), releases=(R1,)))
    assert [step.name for step in made.steps] == ["stop"]


def test_what_lost_its_record_can_be_stopped_all_the_same() -> None:
    made = stop(a_host(a_container(3, THIRD)))
    assert (made.releases, len(made.steps)) == ((), 1)


def test_a_container_has_the_time_to_end_that_the_config_gives_its_role() -> None:
    known, unknown = a_container(1), a_container(1, role="gone")
    made = stop(a_host(known, unknown, releases=(R1,)), config=a_role(stop_timeout="7s"))
    assert [step.timeout for step in made.steps if isinstance(step, Stop)] == [7.0, 30.0]


# What was stopped


def begun(step: str, command: str, role: str = "web", **more: Any) -> Mapping[str, Any]:
    return {"event": "begin", "step": step, "command": command, "role_name": role, **more}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], set()),
        ([begun("stop", "stop")], {"web"}),
        ([begun("stop", "stop"), begun("stop", "stop", "cron")], {"web", "cron"}),
        ([begun("stop", "deploy")], set()),
        ([begun("stop", "stop"), begun("start", "deploy"), begun("swap", "deploy")], {"web"}),
        ([begun("stop", "stop"), begun("retire", "start"), begun("stop", "deploy")], set()),
        ([begun("stop", "stop"), begun("retire", "start"), begun("handover", "deploy")], set()),
        ([begun("stop", "stop"), begun("retire", "deploy", "cron")], {"web"}),
        ([begun("stop", "stop"), begun("stop", "deploy", was_serving=False)], {"web"}),
        ([{"event": "outcome"}, {"event": "begin"}], set()),
    ],
)
def test_the_journal_tells_what_was_stopped_on_purpose(entries: list[Mapping[str, Any]], expected: set[str]) -> None:
    assert stopped_roles(entries) == expected


def stopped_host(**changed: Any) -> Observed:
    return a_host(set_aside(1, **changed), releases=(R1,), stopped_roles=frozenset({"web"}))


def test_what_was_stopped_does_not_serve_but_is_remembered() -> None:
    host = stopped_host()
    assert (host.serving("web"), host.stopped("web")) == (None, host.containers[0])
    assert host.incumbent_release == R1


@pytest.mark.parametrize(
    "host",
    [
        a_host(set_aside(1), releases=(R1,)),
        a_host(a_container(1, restart_policy=SET_ASIDE), stopped_roles=frozenset({"web"})),
        a_host(a_container(1), stopped_roles=frozenset({"web"})),
        a_host(stopped_roles=frozenset({"web"})),
    ],
    ids=["by a deploy that died", "started by hand", "started again", "gone"],
)
def test_what_was_not_stopped_on_purpose_or_runs_again_does_not_count_as_stopped(host: Observed) -> None:
    assert host.stopped("web") is None


# A start


def test_a_start_makes_a_new_container_of_what_was_stopped_which_never_starts_again() -> None:
    part = a_part(stopped_host(), R1, a_role(singleton=True), "web", command="start")
    assert text_of(plan_turn([part])) == """\
shop: start of web (release 1 of 1111111)
a.example  web  create   shop-web-r1-0bbb
a.example  web  start    shop-web-r1-0bbb, because it was stopped
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r1-0bbb serves
a.example       commit   release 1
a.example  web  retire   shop-web-r1-0aaa, because release 1 serves
"""


def test_a_start_of_what_can_hand_over_does_not_tell_the_stopped_one_to_end() -> None:
    part = a_part(stopped_host(hands_over=True), R1, HANDS_OVER, "web", command="start")
    assert plan_turn([part]).lines[4] == "a.example  web  handover shop-web-r1-0bbb becomes active"


def test_a_start_leaves_alone_what_serves() -> None:
    host = a_host(a_container(1), set_aside(1, role="cron"), releases=(R1,), stopped_roles=frozenset({"cron"}))
    made = plan_turn([a_part(host, R1, TWO_ROLES, "web", "cron", command="start")])
    assert made.lines[0] == "shop: start of cron (release 1 of 1111111)"
    assert {step.role_name for step in made.steps} == {"cron", ""}


def test_a_start_has_nothing_to_do_where_all_roles_serve() -> None:
    made = plan_turn([a_part(a_host(a_container(1), releases=(R1,)), R1, a_config(), "web", command="start")])
    assert text_of(made) == "shop: release 1 of 1111111\nnothing to do\n"


# A deploy of a part


def deploy(*hosts: Observed, config: Config = TWO_ROLES, to: tuple[int, str] = (2, SECOND), **changed: Any) -> Plan:
    new = a_release(*to, outcome=ReleaseOutcome.UNFINISHED)
    values: dict[str, Any] = {
        "full_name": "shop",
        "deploy_id": "0bbb",
        "command": "deploy",
        "releases": {host.host_name: host.release(to[0]) or new for host in hosts},
        "payloads": {host.host_name: a_payload(config, host.host_name) for host in hosts},
        "retain": 5,
        "removes_images": True,
        "sources": Sources(image_name=f"shop:{to[1]}", here=an_image(), can_build=True),
    }
    return make_plan(Wanted(**{"facts": a_facts(), **values, **changed}), by_name(*hosts))


def test_a_deploy_says_that_it_starts_what_was_stopped_and_does_not_touch_the_old_one_before_the_commit() -> None:
    assert text_of(deploy(stopped_host(), config=a_role(singleton=True))) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example       release  record 2 of 2222222
a.example  web  create   shop-web-r2-0bbb
a.example  web  start    shop-web-r2-0bbb, because it was stopped
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r2-0bbb serves
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


def test_a_deploy_of_one_role_leaves_the_others_and_what_left_the_config_alone() -> None:
    serving = [a_container(1), a_container(1, role="cron"), a_container(1, role="gone")]
    assert text_of(deploy(a_host(*serving, releases=(R1,)), role_names=("web",))) == """\
shop: release 2 of 2222222 (role web only) replaces release 1 of 1111111
a.example       release  record 2 of 2222222
a.example  web  create   shop-web-r2-0bbb
a.example  web  start    shop-web-r2-0bbb, because overlap: it may run twice
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r2-0bbb serves instead of shop-web-r1-0aaa
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


def test_the_next_deploy_of_all_brings_the_other_roles_to_the_same_release_and_then_has_nothing_to_do() -> None:
    cron, web = a_container(1, role="cron"), a_container(2, SECOND)
    behind, there = a_host(web, cron, releases=(R1, R2)), a_container(2, SECOND, role="cron")
    assert {step.role_name for step in deploy(behind).steps} == {"cron", ""}
    assert deploy(a_host(web, there, releases=(R1, R2))).is_empty


def test_a_title_names_the_hosts_that_are_meant() -> None:
    config = a_config(roles={"web": {"hosts": [A, B]}, "cron": {"hosts": [A]}})
    made = deploy(a_host(a_container(1), releases=(R1,)), config=config, host_names=(A,), role_names=("web",))
    assert made.lines[0] == (
        "shop: release 2 of 2222222 (role web only; on a.example only) replaces release 1 of 1111111"
    )


def test_a_singleton_that_moves_to_another_host_stops_there_first_also_if_only_its_role_is_deployed() -> None:
    config = a_config(roles={"web": {"hosts": [A, B]}, "cron": {"hosts": [B], "singleton": True}})
    here = a_host(a_container(1), a_container(1, role="cron"), releases=(R1,))
    there = a_host(a_container(1), releases=(R1,), host_name=B)
    assert text_of(deploy(here, there, config=config, role_names=("cron",))) == """\
shop: release 2 of 2222222 (role cron only) replaces release 1 of 1111111
b.example        release  record 2 of 2222222
b.example  cron  create   shop-cron-r2-0bbb
a.example  cron  stop     shop-cron-r1-0aaa, because it must not run twice
b.example  cron  start    shop-cron-r2-0bbb, because nothing of it serves
b.example  cron  check    the image's HEALTHCHECK, else runs for 5s
b.example  cron  swap     shop-cron-r2-0bbb serves
a.example  cron  retire   shop-cron-r1-0aaa, because the config gives a.example no role cron
b.example        commit   release 2
"""


def test_what_moves_to_another_host_has_the_time_to_end_that_its_role_has() -> None:
    cron = {"hosts": [B], "singleton": True, "stop_timeout": "90s"}
    config = a_config(roles={"web": {"hosts": [A, B]}, "cron": cron})
    here = a_host(a_container(1), a_container(1, role="cron"), a_container(1, role="gone"), releases=(R1,))
    made = deploy(here, a_host(host_name=B), config=config)
    ends = [step for step in made.steps if isinstance(step, (Stop, Retire)) and step.role_name != "web"]
    assert [(step.name, step.role_name, step.timeout) for step in ends] == [
        ("stop", "cron", 90),
        ("retire", "cron", 90),
        ("retire", "gone", 30),
    ]


def test_an_image_is_not_sent_to_a_host_that_does_not_change() -> None:
    config = a_config(roles={"web": {"hosts": [A]}, "cron": {"hosts": [B]}})
    spared = a_host(a_container(1, role="cron"), host_name=B, image=None, releases=(R1,))
    made = deploy(a_host(a_container(1), releases=(R1,)), spared, config=config, role_names=("web",))
    assert {step.host_name for step in made.steps} == {A}


def test_where_a_rollback_of_another_role_goes_is_kept_however_little_is_retained() -> None:
    records = tuple(a_release(number, f"{number}" * 40, replaces=number - 1 or None) for number in range(1, 6))
    host = a_host(a_container(5, "5" * 40), a_container(2, SECOND, role="cron"), releases=records)
    made = deploy(host, to=(6, "6" * 40), role_names=("web",), retain=1)
    assert [step.release_numbers for step in made.steps if isinstance(step, Prune)] == [(3, 4)]


def test_the_first_host_that_goes_alone_is_the_first_that_changes() -> None:
    roles = {"web": {"hosts": [A]}, "jobs": {"hosts": [B, "c.example"]}}
    config = a_config(roles=roles, rollout={"first_host_first": True})
    hosts = [a_host(host_name=name) for name in (A, B, "c.example")]
    made = deploy(*hosts, config=config, role_names=("jobs",))
    starts = [[s.host_name for lane in wave for s in lane if s.name == "start"] for wave in made.before_commit]
    assert [names for names in starts if names] == [[B], ["c.example"]]


# Numbers, where releases differ between roles and hosts


def of_parts(web: Release, cron: Release, *older: Release, host_name: str = A) -> Observed:
    """Each role serves a release of its own."""
    serving = a_container(web.number, web.version), a_container(cron.number, cron.version, role="cron")
    records = {record.number: record for record in (*older, web, cron)}
    return a_host(*serving, releases=tuple(records.values()), host_name=host_name)


R3 = a_release(3, THIRD, replaces=2)


def number(host: Observed, version: str, *role_names: str) -> int:
    wanted = a_release(0, version, outcome=ReleaseOutcome.UNFINISHED)
    payload = a_payload(TWO_ROLES)
    same = replace(host, releases=tuple(with_env(record) for record in host.releases))
    return number_for(wanted, {A: payload}, [same], role_names)


def with_env(record: Release) -> Release:
    return replace(record, env_hash=env_hash(a_payload(TWO_ROLES), record.env_salt))


def test_a_role_that_follows_another_one_joins_its_release() -> None:
    assert number(of_parts(R2, R1), SECOND, "cron") == 2


def test_a_role_that_serves_what_is_wanted_is_left_alone_though_others_are_ahead() -> None:
    assert number(of_parts(R2, R1), FIRST, "cron") == 1


def test_all_roles_go_back_to_an_old_commit_as_a_new_release() -> None:
    assert number(of_parts(R2, R1), FIRST) == 3


def test_a_rollback_takes_back_the_newest_release_and_leaves_a_role_that_is_there_already() -> None:
    assert rollback_number([of_parts(R2, R1)]) == 1


def test_a_rollback_of_one_role_goes_to_what_that_one_served() -> None:
    assert rollback_number([of_parts(R3, R2, R1)], role_names=("cron",)) == 1


def test_roles_that_would_go_back_to_different_releases_are_refused() -> None:
    apart = of_parts(R2, a_release(4, "4" * 40, replaces=3), R1, R3)
    with pytest.raises(ReleaseNotFound) as caught:
        rollback_number([apart])
    assert str(caught.value) == (
        "Different releases serve, and would go back to different ones: a.example → 3, web on a.example → 1.\n"
        "Nothing was done.\n"
        "Name the release (shipper rollback NUMBER; shipper releases lists them), or a part: --host, --role."
    )


def test_a_rollback_of_a_role_passes_over_hosts_that_do_not_have_it() -> None:
    hosts = [of_parts(R2, R2, R1), a_host(a_container(1), releases=(R1,), host_name=B)]
    assert rollback_number(hosts, role_names=("cron",)) == 1
    assert list(hosts_of(2, by_name(*hosts), ("cron",))) == [A]


def test_a_rollback_of_a_role_that_serves_nowhere_is_refused() -> None:
    with pytest.raises(ReleaseNotFound, match=r"^Nothing of cron serves on a\.example\."):
        rollback_number([a_host(a_container(1), releases=(R1,))], role_names=("cron",))


def test_a_number_that_names_two_things_is_refused() -> None:
    hosts = by_name(a_host(releases=(R2,)), a_host(releases=(a_release(2, THIRD),), host_name=B))
    with pytest.raises(ReleaseNotFound) as caught:
        refuse_other_content(2, hosts)
    assert str(caught.value) == (
        "Release 2 is not the same everywhere: a.example → 2222222, b.example → 3333333.\nNothing was done.\n"
        "Name the hosts of the one that is meant: shipper rollback 2 --host HOST."
    )


def test_a_role_that_a_release_does_not_have_is_refused() -> None:
    with pytest.raises(ReleaseNotFound) as caught:
        refuse_absent_roles(4, [a_payload()], ("web", "cron"))
    assert str(caught.value) == (
        "Release 4 has no role cron.\nIt has: web. Nothing was done.\n"
        "Name another release, or deploy: shipper deploy --role cron."
    )


def test_a_restart_that_died_is_nothing_that_a_rollback_goes_on_with() -> None:
    host = a_host(a_container(2, SECOND), releases=(R1, R2))
    assert rollback_number([host], Unfinished(command="restart", release_number=9)) == 1


@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_what_died_while_it_changed_other_roles_tells_nothing_of_where_this_one_goes(command: str) -> None:
    died = Unfinished(command=command, release_number=3, role_names=("cron",))
    host = of_parts(R2, replace(R3, replaces=None), R1)
    assert rollback_number([host], died, ("web",)) == 1


# Which hosts are asked


def a_project(config: Config, **changed: Any) -> Project:
    values: dict[str, Any] = {
        "root": Path("/nonexistent"),
        "config": config,
        "destination": None,
        "revision": Revision(version=FIRST, commit=FIRST, tree=FIRST),
        "environ": {},
        "performer": "ann@laptop",
        "origin": "terminal",
    }
    return Project(**{**values, **changed})


MOVING = a_config(roles={"web": {"hosts": [A, B]}, "cron": {"hosts": [B], "singleton": True}})


def test_a_change_of_one_role_asks_all_hosts_and_a_named_host_is_asked_alone() -> None:
    assert a_project(MOVING, role_names=("cron",)).affected_hosts == (A, B)
    assert a_project(MOVING, host_names=(B,)).affected_hosts == (B,)


@pytest.mark.parametrize(
    ("host", "left_out", "expected"),
    [
        (
            a_host(host_name=B),
            True,
            ["cron must not run twice: see that it does not on a.example, left out by --host."],
        ),
        (a_host(host_name=B), False, []),
        (a_host(a_container(1, role="cron"), host_name=B), True, []),
    ],
    ids=["may have come from there", "is asked", "was here before"],
)
def test_where_a_singleton_may_still_run_on_a_host_that_is_left_out_that_is_told(
    host: Observed, left_out: bool, expected: list[str]
) -> None:
    told: list[Event] = []
    project = a_project(MOVING, host_names=(B,) if left_out else ())
    warn_of_left_out(project, MOVING, by_name(host), told.append)
    assert [event.text for event in told if isinstance(event, Warned)] == expected


UNNAMED = "What serves was deployed to b.example too, which the config here does not name: it is left as it is."


@pytest.mark.parametrize(("role_names", "expected"), [((), [UNNAMED]), (("cron",), [])])
def test_a_rollback_by_a_config_that_lacks_a_host_of_what_serves_tells_that(
    role_names: tuple[str, ...], expected: list[str]
) -> None:
    told: list[Event] = []
    serving = a_payload(a_config(roles={"web": {"hosts": [f"deploy@{A}", B]}, "cron": {"hosts": [f"deploy@{A}"]}}))
    warn_of_unnamed_hosts(a_project(TWO_ROLES, role_names=role_names), [serving], told.append)
    assert [event.text for event in told if isinstance(event, Warned)] == expected


@pytest.mark.parametrize("call", [partial(freeze, reason="holidays"), unfreeze])
def test_a_freeze_of_one_role_is_refused(call: Callable[..., Coroutine[Any, Any, object]]) -> None:
    with pytest.raises(UsageError, match=r"^A freeze is of a whole host, not of a role\."):
        asyncio.run(call(a_project(MOVING, role_names=("cron",))))
