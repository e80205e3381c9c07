from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from shipper.config.root import Config
from shipper.config.workloads import Logging, Role
from shipper.errors import ImageError, UsageError
from shipper.model.container import SET_ASIDE, Container, ContainerState
from shipper.model.image import Image, ListedImage, Published
from shipper.model.observed import Observed
from shipper.model.release import Payload, ReleaseOutcome
from shipper.model.secret import Secret
from shipper.model.specification import ContainerSpec, FileInContainer, Mount, PublishedPort
from shipper.planning.deploy_plan import make_plan
from shipper.planning.image_plan import Sources, refuse_another_image
from shipper.planning.plan import Plan
from shipper.planning.spec import container_spec
from shipper.planning.strategy import choose_strategy
from shipper.planning.wanted import Wanted
from shipper.steps.create import Create
from shipper.steps.handover import Handover
from shipper.steps.prune import Prune
from shipper.steps.pull import Pull
from shipper.steps.retire import Retire
from shipper.steps.ship import Ship
from shipper.steps.stop import Stop
from shipper.steps.swap import Swap
from shipper.steps.tidy import Tidy
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
    a_stopped,
    an_image,
    an_uncommitted,
    by_name,
    env,
)

TWO_HOSTS = {"web": {"hosts": [A, B]}}
R1, R2 = a_release(1, FIRST), a_release(2, SECOND, replaces=1)


def wanted(config: Config, number: int, version: str, observed: Mapping[str, Observed], **changed: Any) -> Wanted:
    """A release of this number and version, with the record that each host has of it or will get.

    `changed` are fields of Wanted, or of the sources of its image.
    """

    def record(host: Observed) -> Any:
        serving = host.incumbent_release
        new = a_release(
            number,
            version,
            env_salt=f"salt of {host.host_name}",
            replaces=serving.number if serving else None,
            outcome=ReleaseOutcome.UNFINISHED,
        )
        return host.release(number) or new

    of_image = {field.name: changed.pop(field.name) for field in fields(Sources) if field.name in changed}
    values: dict[str, Any] = {
        "full_name": "shop",
        "deploy_id": "0bbb",
        "command": "deploy",
        "facts": a_facts(),
        "releases": {name: record(host) for name, host in observed.items()},
        "payloads": {name: a_payload(config, name) for name in observed},
        "retain": 5,
        "removes_images": True,
        "sources": Sources(**{"image_name": f"shop:{version}", "here": an_image(), "can_build": True, **of_image}),
    }
    return Wanted(**{**values, **changed})


def plan(*hosts: Observed, config: Config | None = None, to: tuple[int, str] = (2, SECOND), **changed: Any) -> Plan:
    observed = by_name(*hosts)
    return make_plan(wanted(config or a_config(), *to, observed, **changed), observed)


def text_of(made: Plan) -> str:
    return "\n".join(made.lines) + "\n"


def serving_first(host_name: str = A, **changed: Any) -> Observed:
    """Release 1 serves."""
    releases = (replace(R1, env_salt=f"salt of {host_name}"),)
    return a_host(a_container(1, FIRST), host_name=host_name, releases=releases, **changed)


# What changes, and in which order


def test_a_first_deploy_builds_ships_and_makes_everything() -> None:
    made = plan(a_host(image=None, has_network=False), to=(1, FIRST), here=None)
    assert text_of(made) == """\
shop: release 1 of 1111111
here            build    shop:1111111 for linux/amd64, because this commit has no image yet
a.example       ship     shop:1111111, because a.example does not have it
a.example       network  shop, because containers of a service share one
a.example       release  record 1 of 1111111
a.example  web  create   shop-web-r1-0bbb
a.example  web  start    shop-web-r1-0bbb, because nothing of it serves
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r1-0bbb serves
a.example       commit   release 1
"""


def test_a_second_version_overlaps_the_first_which_retires_after_the_commit() -> None:
    made = plan(serving_first(image=None), config=a_role(gate={"http": {"port": 80, "path": "/up"}}))
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example       ship     shop:2222222, because a.example does not have it
a.example       release  record 2 of 2222222
a.example  web  create   shop-web-r2-0bbb
a.example  web  start    shop-web-r2-0bbb, because overlap: it may run twice
a.example  web  check    GET /up on port 80 within 30s
a.example  web  swap     shop-web-r2-0bbb serves instead of shop-web-r1-0aaa
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


def test_a_published_port_makes_the_old_container_stop_first() -> None:
    made = plan(serving_first(), config=a_role(publish=["80:8080"], gate={"tcp": 8080, "deadline": "2m"}))
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example       release  record 2 of 2222222
a.example  web  create   shop-web-r2-0bbb
a.example  web  stop     shop-web-r1-0aaa, because recreate: two containers cannot publish port 80:8080
a.example  web  start    shop-web-r2-0bbb, because release 1 serves
a.example  web  check    port 8080 accepts within 120s
a.example  web  swap     shop-web-r2-0bbb serves
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


def test_a_singleton_never_runs_twice() -> None:
    made = plan(serving_first(), config=a_role(singleton=True, gate={"command": ["ok"], "deadline": "500ms"}))
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example       release  record 2 of 2222222
a.example  web  create   shop-web-r2-0bbb
a.example  web  stop     shop-web-r1-0aaa, because recreate: it must never run twice
a.example  web  start    shop-web-r2-0bbb, because release 1 serves
a.example  web  check    `ok` succeeds within 500ms
a.example  web  swap     shop-web-r2-0bbb serves
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


HANDS_OVER = a_role(singleton=True, handover={"port": 8081, "path": "/health"})


def test_the_first_container_that_can_hand_over_becomes_active_by_itself() -> None:
    assert text_of(plan(a_host(), config=HANDS_OVER, to=(1, FIRST))) == """\
shop: release 1 of 1111111
a.example       release  record 1 of 1111111
a.example  web  create   shop-web-r1-0bbb
a.example  web  start    shop-web-r1-0bbb, because nothing of it serves
a.example  web  check    GET /health on port 8081 within 30s
a.example  web  handover shop-web-r1-0bbb becomes active
a.example       commit   release 1
"""


def test_a_singleton_that_can_hand_over_is_told_to_end_when_the_new_one_stands_by() -> None:
    serving = a_host(a_container(1, hands_over=True), releases=(R1,))
    assert text_of(plan(serving, config=HANDS_OVER)) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example       release  record 2 of 2222222
a.example  web  create   shop-web-r2-0bbb
a.example  web  start    shop-web-r2-0bbb, because handover: it must never run twice, and knows how to hand over
a.example  web  check    GET /health on port 8081 within 30s
a.example  web  handover shop-web-r2-0bbb becomes active, shop-web-r1-0aaa drains
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


def test_what_does_not_know_how_to_hand_over_is_stopped_before_what_does_starts() -> None:
    assert text_of(plan(serving_first(), config=HANDS_OVER)) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example       release  record 2 of 2222222
a.example  web  create   shop-web-r2-0bbb
a.example  web  stop     shop-web-r1-0aaa, because recreate: shop-web-r1-0aaa does not know how to hand over
a.example  web  start    shop-web-r2-0bbb, because release 1 serves
a.example  web  check    GET /health on port 8081 within 30s
a.example  web  handover shop-web-r2-0bbb becomes active
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


def test_nothing_is_to_do_where_the_release_serves() -> None:
    made = plan(serving_first(), to=(1, FIRST))
    assert text_of(made) == "shop: release 1 of 1111111\nnothing to do\n"


def test_a_plan_without_steps_is_empty() -> None:
    assert plan(serving_first(), to=(1, FIRST)).is_empty


def test_roles_change_one_after_the_other_on_all_hosts_and_only_then_all_commit() -> None:
    config = a_config(
        roles={"web": {"hosts": [A, B]}, "bot": {"hosts": [B], "singleton": True, "gate": {"healthcheck": True}}}
    )
    made = plan(
        serving_first(),
        a_host(a_container(1), a_container(1, role="bot"), host_name=B, releases=(replace(R1, env_salt="b"),)),
        config=config,
    )
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example       release  record 2 of 2222222
a.example  web  create   shop-web-r2-0bbb
b.example       release  record 2 of 2222222
b.example  web  create   shop-web-r2-0bbb
b.example  bot  create   shop-bot-r2-0bbb
a.example  web  start    shop-web-r2-0bbb, because overlap: it may run twice
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r2-0bbb serves instead of shop-web-r1-0aaa
b.example  web  start    shop-web-r2-0bbb, because overlap: it may run twice
b.example  web  check    the image's HEALTHCHECK, else runs for 5s
b.example  web  swap     shop-web-r2-0bbb serves instead of shop-web-r1-0aaa
b.example  bot  stop     shop-bot-r1-0aaa, because recreate: it must never run twice
b.example  bot  start    shop-bot-r2-0bbb, because release 1 serves
b.example  bot  check    the image's HEALTHCHECK succeeds within 30s
b.example  bot  swap     shop-bot-r2-0bbb serves
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
b.example       commit   release 2
b.example  web  retire   shop-web-r1-0aaa, because release 2 serves
b.example  bot  retire   shop-bot-r1-0aaa, because release 2 serves
"""


def test_the_title_names_each_release_that_is_replaced_once_in_the_order_of_the_hosts() -> None:
    made = plan(
        serving_first(),
        a_host(a_container(2, SECOND), host_name=B, releases=(R2,)),
        serving_first(host_name="c.example"),
        config=a_config(roles={"web": {"hosts": [A, B, "c.example"]}}),
        to=(3, THIRD),
    )
    assert made.lines[0] == "shop: release 3 of 3333333 replaces release 1 of 1111111, release 2 of 2222222"


def test_a_host_that_is_behind_catches_up_while_the_other_is_left_alone() -> None:
    made = plan(
        a_host(a_container(2, SECOND), releases=(R1, R2)),
        serving_first(host_name=B),
        config=a_config(roles=TWO_HOSTS),
    )
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
b.example       release  record 2 of 2222222
b.example  web  create   shop-web-r2-0bbb
b.example  web  start    shop-web-r2-0bbb, because overlap: it may run twice
b.example  web  check    the image's HEALTHCHECK, else runs for 5s
b.example  web  swap     shop-web-r2-0bbb serves instead of shop-web-r1-0aaa
b.example       commit   release 2
b.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


# What earlier deploys left


def test_a_resumed_deploy_stops_what_the_unfinished_one_left_and_starts_anew() -> None:
    unfinished = replace(R2, outcome=ReleaseOutcome.UNFINISHED)
    made = plan(a_host(a_container(1), an_uncommitted(2, SECOND, deploy="0aab"), releases=(R1, unfinished)))
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example  web  create   shop-web-r2-0bbb
a.example  web  stop     shop-web-r2-0aab, because an unfinished deploy left it
a.example  web  start    shop-web-r2-0bbb, because overlap: it may run twice
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r2-0bbb serves instead of shop-web-r1-0aaa
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


def test_only_what_served_is_started_again_if_a_later_step_fails() -> None:
    config = a_role(strategy="recreate", stop_timeout="7s")
    made = plan(a_host(a_container(1), an_uncommitted(2, SECOND), releases=(R1,)), config=config, to=(3, THIRD))
    stops = [step for step in made.steps if isinstance(step, Stop)]
    assert [(stop.container_name, stop.was_serving, stop.timeout) for stop in stops] == [
        ("shop-web-r2-0aaa", False, 7.0),
        ("shop-web-r1-0aaa", True, 7.0),
    ]


def test_a_container_has_the_time_to_end_that_its_role_gives_it() -> None:
    made = plan(serving_first(), config=a_role(stop_timeout="7s"))
    assert [step.timeout for step in made.steps if isinstance(step, Retire)] == [7.0]


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], "shop-web-r2-0aab"),
        ([a_container(1, deploy="0zzz")], "shop-web-r1-0zzz"),
        ([a_container(2, SECOND, deploy="0aac")], "shop-web-r2-0aac"),
        ([an_uncommitted(3, THIRD)], "shop-web-r2-0aab"),
        ([a_container(3, THIRD, state=ContainerState.EXITED)], "shop-web-r2-0aab"),
        ([a_container(3, THIRD, role="bot")], "shop-web-r2-0aab"),
        ([a_container(1, deploy="0zzz", restart_policy="unless-stopped")], "shop-web-r2-0aab"),
    ],
)
def test_what_serves_a_role_runs_and_passed_its_gate_and_is_the_newest_that_did(
    others: list[Container], expected: str
) -> None:
    serving = a_host(a_container(2, SECOND, deploy="0aab"), *others).serving("web")
    assert serving
    assert serving.name == expected


def test_what_a_deploy_was_about_to_stop_when_it_died_serves_still() -> None:
    assert a_host(a_container(1, restart_policy="unless-stopped"), an_uncommitted(2)).serving("web") == a_container(
        1, restart_policy="unless-stopped"
    )


def test_what_a_deploy_had_stopped_when_it_died_starts_again_if_the_next_one_fails() -> None:
    set_aside = a_stopped(1, restart_policy="unless-stopped")
    made = plan(a_host(set_aside, releases=(R1,)), config=a_role(singleton=True))
    assert [(step.container_name, step.was_serving) for step in made.steps if isinstance(step, Stop)] == [
        (set_aside.name, True)
    ]


def test_the_first_host_goes_first_where_that_is_asked_for() -> None:
    config = a_config(roles=TWO_HOSTS, rollout={"first_host_first": True})
    made = plan(serving_first(), serving_first(host_name=B), config=config)
    swapping = [[lane[0].host_name for lane in wave] for wave in made.before_commit if isinstance(wave[0][-1], Swap)]
    assert swapping == [[A], [B]]


def test_hosts_go_side_by_side() -> None:
    made = plan(serving_first(), serving_first(host_name=B), config=a_config(roles=TWO_HOSTS))
    assert [[(lane[0].host_name, lane[0].name) for lane in wave] for wave in made.before_commit] == [
        [(A, "release"), (A, "create"), (B, "release"), (B, "create")],
        [(A, "start"), (B, "start")],
    ]
    assert [[(lane[0].host_name, lane[0].name) for lane in wave] for wave in made.after_commit] == [
        [(A, "commit"), (A, "retire"), (B, "commit"), (B, "retire")]
    ]


def test_of_two_that_have_the_mark_only_the_one_that_served_starts_again_if_the_deploy_fails() -> None:
    set_aside = a_stopped(1, restart_policy="unless-stopped")
    made = plan(
        a_host(set_aside, a_container(2, deploy="0aab"), releases=(R1, R2)),
        config=a_role(singleton=True),
        to=(3, THIRD),
    )
    stops = [(step.container_name, step.was_serving) for step in made.steps if isinstance(step, Stop)]
    assert stops == [(set_aside.name, False), ("shop-web-r2-0aab", True)]


def test_what_nobody_has_seen_active_is_not_what_a_failed_handover_goes_back_to() -> None:
    unfinished = replace(R2, outcome=ReleaseOutcome.UNFINISHED)
    active = a_container(1, hands_over=True)
    host = a_host(active, a_container(2, SECOND, deploy="0aab", hands_over=True), releases=(R1, unfinished))
    assert host.incumbent("web") == active


def test_a_deploy_that_swapped_and_then_died_is_committed_and_its_predecessor_retired() -> None:
    unfinished = replace(R2, outcome=ReleaseOutcome.UNFINISHED)
    made = plan(a_host(an_uncommitted(1), a_container(2, SECOND, deploy="0aab"), releases=(R1, unfinished)))
    assert text_of(made) == """\
shop: release 2 of 2222222
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


def test_a_handover_that_died_is_gone_on_with() -> None:
    aside, new = a_container(1, restart_policy=SET_ASIDE, hands_over=True), a_container(
        2, SECOND, deploy="0aab", hands_over=True
    )
    unfinished = replace(R2, outcome=ReleaseOutcome.UNFINISHED)
    why = "an unfinished deploy did not come to its end"
    assert text_of(plan(a_host(aside, new, releases=(R1, unfinished)), config=HANDS_OVER)) == f"""\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example  web  handover shop-web-r2-0aab becomes active, shop-web-r1-0aaa drains, because {why}
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


def test_a_container_that_stood_by_when_its_deploy_died_gives_way_to_a_new_one() -> None:
    unfinished = replace(R2, outcome=ReleaseOutcome.UNFINISHED)
    made = plan(
        a_host(
            a_container(1, hands_over=True),
            an_uncommitted(2, SECOND, deploy="0aab", hands_over=True),
            releases=(R1, unfinished),
        ),
        config=HANDS_OVER,
    )
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example  web  create   shop-web-r2-0bbb
a.example  web  stop     shop-web-r2-0aab, because an unfinished deploy left it
a.example  web  start    shop-web-r2-0bbb, because handover: it must never run twice, and knows how to hand over
a.example  web  check    GET /health on port 8081 within 30s
a.example  web  handover shop-web-r2-0bbb becomes active, shop-web-r1-0aaa drains
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""


# From inside a container of the service

BOT = {"hosts": [A], "singleton": True, "handover": {"port": 8081, "path": "/health"}}
OWN = a_container(1, role="bot", hands_over=True)
SELF_LAST = a_config(roles={"bot": BOT, "web": {"hosts": [A, B]}}, rollout={"first_host_first": True})


def test_the_container_that_deploys_goes_last_of_all_and_is_not_stopped() -> None:
    here, there = (a_container(1), OWN), (a_container(1),)
    made = plan(a_host(*here, releases=(R1,), own=OWN), a_host(*there, host_name=B, releases=(R1,)), config=SELF_LAST)
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example       release  record 2 of 2222222
a.example  bot  create   shop-bot-r2-0bbb
a.example  web  create   shop-web-r2-0bbb
a.example  web  start    shop-web-r2-0bbb, because overlap: it may run twice
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r2-0bbb serves instead of shop-web-r1-0aaa
b.example       release  record 2 of 2222222
b.example  web  create   shop-web-r2-0bbb
b.example  web  start    shop-web-r2-0bbb, because overlap: it may run twice
b.example  web  check    the image's HEALTHCHECK, else runs for 5s
b.example  web  swap     shop-web-r2-0bbb serves instead of shop-web-r1-0aaa
a.example  bot  start    shop-bot-r2-0bbb, because handover: it must never run twice, and knows how to hand over
a.example  bot  check    GET /health on port 8081 within 30s
a.example  bot  handover shop-bot-r2-0bbb becomes active, shop-bot-r1-0aaa drains, because self: this deploy runs in it
a.example       commit   release 2
a.example  bot  retire   shop-bot-r1-0aaa, because release 2 serves
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
b.example       commit   release 2
b.example  web  retire   shop-web-r1-0aaa, because release 2 serves
"""
    assert [step.container_name for step in made.steps if isinstance(step, Retire) and step.is_self] == [OWN.name]
    assert [step.noted["self"] for step in made.steps if isinstance(step, Handover)] == [OWN.name]
    assert made.ends_us


def test_a_deploy_that_leaves_its_own_container_alone_does_not_end_it() -> None:
    host = a_host(a_container(1), OWN, releases=(R1,), own=OWN)
    assert not plan(host, config=SELF_LAST, role_names=("web",)).ends_us


def test_a_container_whose_config_has_its_role_no_more_ends_after_the_deploy() -> None:
    assert plan(a_host(a_container(1), OWN, releases=(R1,), own=OWN)).ends_us


@pytest.mark.parametrize(
    ("roles", "why"),
    [
        ({"bot": {"hosts": [A], "singleton": True}}, "recreate: it must never run twice"),
        ({"bot": {**BOT, "strategy": "recreate"}}, "recreate: the config says so"),
        ({"bot": {**BOT, "hosts": [B]}, "web": {"hosts": [A]}}, "it must not run twice"),
    ],
)
def test_a_plan_that_would_stop_the_container_that_it_is_made_in_is_refused(roles: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan(a_host(OWN, releases=(R1,), own=OWN), a_host(host_name=B), config=a_config(roles=roles))
    assert str(caught.value) == (
        f"This deploy runs in shop-bot-r1-0aaa, and would stop it before its own end ({why}).\n"
        "Nothing was done: what serves goes on.\n"
        "Run it once from elsewhere, a terminal or CI, or let it mean other roles than bot: a container can only "
        "replace itself by a handover."
    )


def test_a_container_that_does_not_know_how_to_hand_over_cannot_learn_it_by_itself() -> None:
    deaf = replace(OWN, hands_over=False)
    with pytest.raises(UsageError, match="recreate: shop-bot-r1-0aaa does not know how to hand over"):
        plan(a_host(deaf, releases=(R1,), own=deaf), config=a_config(roles={"bot": BOT}))


def test_who_took_the_lease_of_one_that_was_killed_goes_on_with_its_deploy() -> None:
    """Docker has started the old one again, which stands by; the new one has no mark yet."""
    unfinished = replace(R2, outcome=ReleaseOutcome.UNFINISHED)
    own = an_uncommitted(2, SECOND, role="bot", deploy="0aab", hands_over=True)
    host = a_host(OWN, own, releases=(R1, unfinished), own=own)
    why = "an unfinished deploy did not come to its end"
    assert text_of(plan(host, config=a_config(roles={"bot": BOT}))) == f"""\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example  bot  handover shop-bot-r2-0aab becomes active, shop-bot-r1-0aaa drains, because {why}
a.example       commit   release 2
a.example  bot  retire   shop-bot-r1-0aaa, because release 2 serves
"""


def test_who_took_the_lease_of_one_that_was_killed_gives_way_to_another_version() -> None:
    unfinished = replace(R2, outcome=ReleaseOutcome.UNFINISHED)
    own = an_uncommitted(2, SECOND, role="bot", deploy="0aab", hands_over=True)
    made = plan(
        a_host(OWN, own, releases=(R1, unfinished), own=own), config=a_config(roles={"bot": BOT}), to=(3, THIRD)
    )
    assert [step.old_names for step in made.steps if isinstance(step, Handover)] == [(OWN.name, own.name)]
    assert made.ends_us


def test_a_handover_that_came_to_its_end_leaves_nothing_to_do() -> None:
    old, new = a_stopped(1, hands_over=True), a_container(2, SECOND, deploy="0aab", hands_over=True)
    assert plan(a_host(old, new, releases=(R1, R2)), config=HANDS_OVER).is_empty


def test_a_second_container_that_serves_is_retired() -> None:
    made = plan(
        a_host(a_container(1), a_container(2, SECOND, deploy="0aab"), a_container(2, SECOND), releases=(R1, R2))
    )
    assert text_of(made) == """\
shop: release 2 of 2222222
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
a.example  web  retire   shop-web-r2-0aaa, because release 2 serves
"""


def test_all_that_serve_are_replaced_together() -> None:
    made = plan(a_host(a_container(1), a_container(1, deploy="0aab"), releases=(R1,)))
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example       release  record 2 of 2222222
a.example  web  create   shop-web-r2-0bbb
a.example  web  start    shop-web-r2-0bbb, because overlap: it may run twice
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r2-0bbb serves instead of shop-web-r1-0aaa, shop-web-r1-0aab
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
a.example  web  retire   shop-web-r1-0aab, because release 2 serves
"""


def test_a_container_that_someone_stopped_is_replaced_and_kept_from_coming_back_at_boot() -> None:
    made = plan(a_host(a_container(1, state=ContainerState.EXITED), releases=(R1,)), to=(1, FIRST))
    assert text_of(made) == """\
shop: release 1 of 1111111
a.example  web  create   shop-web-r1-0bbb
a.example  web  start    shop-web-r1-0bbb, because nothing of it serves
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r1-0bbb serves instead of shop-web-r1-0aaa
a.example       commit   release 1
a.example  web  retire   shop-web-r1-0aaa, because release 1 serves
"""


def test_a_role_that_the_config_has_no_more_is_retired() -> None:
    made = plan(a_host(a_container(1), a_container(1, role="bot"), releases=(R1,)), to=(1, FIRST))
    assert text_of(made) == """\
shop: release 1 of 1111111
a.example  bot  retire   shop-bot-r1-0aaa, because the config gives a.example no role bot
"""


def test_a_role_that_left_the_config_goes_before_another_publishes_a_port() -> None:
    config = a_config(roles={"site": {"hosts": [A], "publish": ["80:8080"]}})
    made = plan(a_host(a_container(1), releases=(R1,)), config=config)
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
a.example        release  record 2 of 2222222
a.example  site  create   shop-site-r2-0bbb
a.example  web   stop     shop-web-r1-0aaa, because it may hold a port that is published now
a.example  site  start    shop-site-r2-0bbb, because nothing of it serves
a.example  site  check    the image's HEALTHCHECK, else runs for 5s
a.example  site  swap     shop-site-r2-0bbb serves
a.example        commit   release 2
a.example  web   retire   shop-web-r1-0aaa, because the config gives a.example no role web
"""


def test_a_singleton_that_moves_to_another_host_stops_there_before_it_starts_here() -> None:
    config = a_config(roles={"web": {"hosts": [A]}, "bot": {"hosts": [B], "singleton": True}})
    there = a_host(a_container(1), a_container(1, role="bot"), releases=(R1,))
    made = plan(there, a_host(host_name=B), config=config)
    steps = [(step.host_name, step.name) for step in made.steps if step.role_name == "bot"]
    assert steps == [(B, "create"), (A, "stop"), (B, "start"), (B, "check"), (B, "swap"), (A, "retire")]


def test_a_stopped_container_of_a_role_that_left_is_kept_from_coming_back_at_boot() -> None:
    stopped = replace(a_stopped(1, role="bot"), restart_policy="always")
    made = plan(a_host(a_container(1), stopped, releases=(R1,)), to=(1, FIRST))
    assert [step.name for step in made.steps] == ["retire"]


def test_a_container_that_only_restarts_does_not_count_as_up_to_date() -> None:
    looping = replace(a_container(1), state=ContainerState.RESTARTING)
    made = plan(a_host(looping, releases=(R1,)), to=(1, FIRST))
    assert "start" in [step.name for step in made.steps]


# Going back


def test_a_rollback_makes_containers_of_a_release_that_has_its_record_already() -> None:
    made = plan(
        a_host(a_stopped(1), a_container(2, SECOND, deploy="0aab"), releases=(R1, R2)), to=(1, FIRST), can_build=False
    )
    assert text_of(made) == """\
shop: release 1 of 1111111 replaces release 2 of 2222222
a.example  web  create   shop-web-r1-0bbb
a.example  web  start    shop-web-r1-0bbb, because overlap: it may run twice
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r1-0bbb serves instead of shop-web-r2-0aab
a.example       commit   release 1
a.example  web  retire   shop-web-r2-0aab, because release 1 serves
"""


# The image


def test_the_image_is_built_anew_where_the_one_here_is_for_another_processor() -> None:
    made = plan(serving_first(image=None), here=an_image(platform="linux/arm64"))
    assert made.lines[1:3] == (
        "here            build    shop:2222222 for linux/amd64, because the one here is for another processor",
        "a.example       ship     shop:2222222, because a.example does not have it",
    )


def test_the_image_is_shipped_only_to_the_host_that_lacks_it() -> None:
    made = plan(serving_first(), serving_first(B, image=None), config=a_config(roles=TWO_HOSTS))
    assert [line for line in made.lines if " ship " in line] == [
        "b.example       ship     shop:2222222, because b.example does not have it"
    ]


def refusal(*hosts: Observed, config: Config | None = None, **changed: Any) -> str:
    with pytest.raises(ImageError) as caught:
        plan(*hosts, config=config, **changed)
    return str(caught.value)


def test_an_image_that_is_nowhere_and_cannot_be_built_is_refused() -> None:
    assert refusal(serving_first(image=None), here=None, can_build=False) == (
        f"a.example needs the image shop:{SECOND} for linux/amd64, and it is neither here nor there.\n"
        "Nothing was done.\n"
        "Pull or load it here or on a.example, or let `build:` make it from a commit; "
        "or let the hosts pull it: `registry: {}` in the config."
    )


def test_an_image_that_is_here_for_another_processor_and_cannot_be_built_is_refused() -> None:
    arm = an_image(platform="linux/arm64")
    assert refusal(serving_first(), serving_first(B, image=None), here=arm, can_build=False,
                   config=a_config(roles=TWO_HOSTS)) == (
        f"b.example needs the image shop:{SECOND} for linux/amd64, and it is here for linux/arm64.\n"
        "Nothing was done.\n"
        "Pull or load it here or on b.example, or let `build:` make it from a commit; "
        "or let the hosts pull it: `registry: {}` in the config."
    )  # fmt: skip


def test_an_image_that_is_there_for_another_processor_is_refused() -> None:
    assert refusal(serving_first(image=an_image(platform="linux/arm64"))) == (
        f"a.example is linux/amd64, but its shop:{SECOND} is for linux/arm64.\n"
        "Nothing was done.\n"
        f"Remove it there (docker rmi shop:{SECOND}) and deploy again."
    )


def test_hosts_of_two_kinds_cannot_share_one_build() -> None:
    config = a_config(roles=TWO_HOSTS)
    hosts = serving_first(image=None), serving_first(B, image=None, platform="linux/arm64")
    assert refusal(*hosts, config=config) == (
        "The hosts differ: a.example linux/amd64, b.example linux/arm64.\n"
        "Nothing was done.\n"
        "Deploy to hosts of one kind at a time, with a destination for each kind."
    )


HUB = "docker.io"
PUBLISHED = Published(digest=f"sha256:{'c0ffee00' * 8}", platforms=("linux/amd64", "linux/arm64"))


def test_what_the_registry_has_is_pulled_by_digest_and_not_built() -> None:
    made = plan(serving_first(image=None), here=None, registry_name=HUB, published=PUBLISHED)
    assert made.lines[1:3] == (
        "a.example       pull     shop:2222222 at sha256:c0ffee00c0ff, because a.example does not have it",
        "a.example       release  record 2 of 2222222",
    )


def test_what_is_only_here_is_pushed_once_and_pulled_by_each_host_that_lacks_it() -> None:
    hosts = serving_first(image=None), serving_first(B, image=None)
    made = plan(*hosts, config=a_config(roles=TWO_HOSTS), registry_name=HUB)
    assert [line for line in made.lines if " push " in line or " pull " in line] == [
        "here            push     shop:2222222 and latest to docker.io, because docker.io does not have it",
        "a.example       pull     shop:2222222, because a.example does not have it",
        "b.example       pull     shop:2222222, because b.example does not have it",
    ]


def test_what_is_nowhere_is_built_pushed_and_pulled() -> None:
    made = plan(serving_first(image=None), here=None, registry_name=HUB)
    assert made.lines[1:4] == (
        "here            build    shop:2222222 for linux/amd64, because this commit has no image yet",
        "here            push     shop:2222222 and latest to docker.io, because docker.io does not have it",
        "a.example       pull     shop:2222222, because a.example does not have it",
    )


def test_what_others_made_is_not_pushed_as_the_latest() -> None:
    made = plan(serving_first(image=None), registry_name=HUB, can_build=False)
    assert "push     shop:2222222 to docker.io, because docker.io does not have it" in made.lines[1]


def test_nothing_is_pushed_or_pulled_where_all_hosts_have_the_image() -> None:
    made = plan(serving_first(), here=None, registry_name=HUB)
    assert not {"build", "push", "pull"} & {step.name for step in made.steps}


def test_an_image_that_is_not_in_the_registry_either_and_cannot_be_built_is_refused() -> None:
    assert refusal(serving_first(image=None), here=None, can_build=False, registry_name=HUB) == (
        f"a.example needs the image shop:{SECOND} for linux/amd64, and it is neither here nor there nor in docker.io.\n"
        "Nothing was done.\n"
        "Pull or load it here or on a.example, or let `build:` make it from a commit."
    )


def test_without_a_registry_the_digest_is_the_id_of_the_image_here_which_is_shipped() -> None:
    made = plan(serving_first(image=None), here=an_image(id="sha256:mine"), can_build=False, digest="sha256:mine")
    assert made.lines[1] == "a.example       ship     shop:2222222, because a.example does not have it"


@pytest.mark.parametrize(
    ("sources", "what"),
    [
        ({"here": None}, f"shop:{SECOND} is neither here nor there, not sha256:other."),
        ({}, f"shop:{SECOND} is sha256:image here, not sha256:other."),
        ({"registry_name": HUB}, "docker.io has no image shop with the digest sha256:other."),
    ],
)
def test_a_digest_that_is_nowhere_is_refused_and_nothing_is_built_instead(sources: Any, what: str) -> None:
    refused = refusal(serving_first(image=None), digest="sha256:other", **{"can_build": False, **sources})
    assert refused.splitlines()[:2] == [what, "Nothing was done."]


@pytest.mark.parametrize("known_as", [{"id": "sha256:it"}, {"digests": ("sha256:it",)}])
def test_a_host_that_has_the_image_of_a_digest_is_no_reason_to_refuse(known_as: Any) -> None:
    refuse_another_image(f"shop:{SECOND}", "sha256:it", [a_host(image=None), a_host(image=an_image(**known_as))])


def test_a_version_has_one_image_so_another_one_under_its_name_is_refused() -> None:
    with pytest.raises(ImageError) as refused:
        refuse_another_image(f"shop:{SECOND}", "sha256:it", [a_host(image=an_image(digests=("sha256:that",)))])
    assert str(refused.value) == (
        f"a.example has another image as shop:{SECOND}: sha256:that, not sha256:it.\n"
        "Nothing was done.\n"
        "Deploy what is there, without a digest; or a new commit, since a version has one image."
    )


def test_an_image_in_the_registry_for_another_processor_is_refused() -> None:
    host = serving_first(image=None, platform="linux/s390x")
    assert refusal(host, registry_name=HUB, published=PUBLISHED) == (
        f"a.example is linux/s390x, but shop:{SECOND} in docker.io is for linux/amd64, linux/arm64.\n"
        "Nothing was done.\n"
        "Push one for linux/s390x too, or remove it from docker.io and deploy again."
    )


# What is removed


def pruned(made: Plan) -> Prune | None:
    return next((step for step in made.steps if isinstance(step, Prune)), None)


def many_releases(count: int, **changed: Any) -> Observed:
    """All were deployed, each from a commit of its own; the newest serves."""
    versions = [f"{number:x}" * 40 for number in range(1, count + 1)]
    releases = [a_release(n, version, replaces=n - 1 or None) for n, version in enumerate(versions, start=1)]
    stopped = [a_stopped(n, version) for n, version in enumerate(versions[:-1], start=1)]
    return a_host(*stopped, a_container(count, versions[-1]), releases=tuple(releases), **changed)


def test_what_is_beyond_retain_is_pruned_at_the_end_with_container_image_and_record() -> None:
    made = plan(many_releases(4), to=(5, "5" * 40), retain=3)
    assert text_of(made) == """\
shop: release 5 of 5555555 replaces release 4 of 4444444
a.example       release  record 5 of 5555555
a.example  web  create   shop-web-r5-0bbb
a.example  web  start    shop-web-r5-0bbb, because overlap: it may run twice
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r5-0bbb serves instead of shop-web-r4-0aaa
a.example       commit   release 5
a.example  web  retire   shop-web-r4-0aaa, because release 5 serves
a.example       prune    2 containers, 2 images, 2 release records, because retain is 3
"""


def test_pruning_names_exactly_what_is_beyond_retain() -> None:
    assert pruned(plan(many_releases(4), to=(5, "5" * 40), retain=3)) == Prune(
        host_name=A,
        because="retain is 3",
        container_names=("shop-web-r1-0aaa", "shop-web-r2-0aaa"),
        image_names=(f"shop:{FIRST}", f"shop:{SECOND}"),
        release_numbers=(1, 2),
    )


@pytest.mark.parametrize("registry_name", [None, HUB])
def test_what_is_pruned_at_the_end_may_go_before_the_image_comes(registry_name: str | None) -> None:
    made = plan(many_releases(4, image=None), to=(5, "5" * 40), retain=3, registry_name=registry_name)
    (arrival,) = (step for step in made.steps if isinstance(step, (Pull, Ship)))
    assert arrival.prune == pruned(made) is not None


def test_before_the_image_comes_what_the_old_one_goes_back_to_is_not_pruned() -> None:
    made = plan(many_releases(4, image=None), to=(5, "5" * 40), retain=1)
    (arrival,) = (step for step in made.steps if isinstance(step, Ship))
    assert isinstance(arrival.prune, Prune)
    assert arrival.prune.release_numbers == (1, 2)


def test_a_container_that_was_set_aside_is_never_pruned() -> None:
    aside = a_stopped(1, FIRST, deploy="0aaa", restart_policy=SET_ASIDE)
    host = many_releases(4)
    made = plan(replace(host, containers=(aside, *host.containers[1:])), to=(5, "5" * 40), retain=1)
    assert aside.name not in (prune.container_names if (prune := pruned(made)) else ())


def test_nothing_is_pruned_within_retain() -> None:
    assert pruned(plan(many_releases(4), to=(5, "5" * 40), retain=5)) is None


def test_nothing_is_pruned_where_no_number_to_retain_is_given() -> None:
    assert pruned(plan(many_releases(4), to=(5, "5" * 40), retain=None)) is None


def test_images_that_others_made_are_left() -> None:
    prune = pruned(plan(many_releases(4), to=(5, "5" * 40), retain=3, removes_images=False))
    assert prune
    assert (prune.image_names, prune.release_numbers) == ((), (1, 2))


def test_an_image_that_a_kept_release_shares_is_left() -> None:
    releases = (a_release(1, FIRST), a_release(2, FIRST, replaces=1), a_release(3, SECOND, replaces=2))
    made = plan(a_host(a_container(3, SECOND), releases=releases), to=(4, FIRST), retain=2)
    prune = pruned(made)
    assert prune
    assert (prune.image_names, prune.release_numbers) == ((), (1, 2))


def test_where_a_rollback_goes_is_kept_however_little_is_retained() -> None:
    prune = pruned(plan(many_releases(4), to=(5, "5" * 40), retain=1))
    assert prune
    assert prune.release_numbers == (1, 2, 3)


def test_a_rollback_keeps_the_newest_and_its_own_release_and_the_one_before_that() -> None:
    prune = pruned(plan(many_releases(6), to=(3, THIRD), retain=2))
    assert prune
    assert (prune.container_names, prune.release_numbers) == (
        ("shop-web-r1-0aaa", "shop-web-r4-0aaa"),
        (1, 4),
    )


def test_a_failed_release_does_not_push_a_good_one_out() -> None:
    failed = [a_release(n, f"{n}" * 40, replaces=2, outcome=ReleaseOutcome.FAILED) for n in (3, 4, 5)]
    host = a_host(a_stopped(1), a_container(2, SECOND), releases=(R1, R2, *failed))
    prune = pruned(plan(host, to=(6, "6" * 40), retain=3))
    assert prune
    assert (prune.container_names, prune.release_numbers) == ((), ())
    assert prune.image_names == tuple(release.image for release in failed)


def test_containers_of_failed_deploys_are_pruned() -> None:
    failed = a_release(2, SECOND, replaces=1, outcome=ReleaseOutcome.FAILED)
    prune = pruned(plan(a_host(a_container(1), a_stopped(2, SECOND), releases=(R1, failed)), to=(3, THIRD)))
    assert prune
    assert (prune.container_names, prune.release_numbers) == (("shop-web-r2-0aaa",), ())


def test_of_a_kept_release_only_the_newest_stopped_container_of_each_role_is_kept() -> None:
    host = a_host(
        a_stopped(1, deploy="0aaa"),
        a_stopped(1, deploy="0aac"),
        a_stopped(1, deploy="0aab"),
        a_stopped(1, role="bot"),
        a_container(2, SECOND),
        releases=(R1, R2),
    )
    prune = pruned(plan(host, to=(3, THIRD)))
    assert prune
    assert prune.container_names == ("shop-web-r1-0aaa", "shop-web-r1-0aab")


def test_a_running_container_is_never_pruned() -> None:
    host = many_releases(4)
    leftover = a_container(1, FIRST, role="bot")
    prune = pruned(plan(replace(host, containers=(*host.containers, leftover)), to=(5, "5" * 40), retain=2))
    assert prune
    assert leftover.name not in prune.container_names


def test_after_a_build_images_of_earlier_commits_go_from_here_beside_all_else() -> None:
    earlier = tuple(ListedImage(id=version, names=(f"shop:{version}",)) for version in (THIRD, FIRST, "0" * 40))
    made = plan(
        serving_first(image=None),
        config=a_config(build={"cache_limit": "10g"}),
        here=None,
        others_here=earlier,
        retain=1,
    )
    assert text_of(made) == """\
shop: release 2 of 2222222 replaces release 1 of 1111111
here            build    shop:2222222 for linux/amd64, because this commit has no image yet
a.example       ship     shop:2222222, because a.example does not have it
a.example       release  record 2 of 2222222
a.example  web  create   shop-web-r2-0bbb
a.example  web  start    shop-web-r2-0bbb, because overlap: it may run twice
a.example  web  check    the image's HEALTHCHECK, else runs for 5s
a.example  web  swap     shop-web-r2-0bbb serves instead of shop-web-r1-0aaa
a.example       commit   release 2
a.example  web  retire   shop-web-r1-0aaa, because release 2 serves
here            tidy     2 images, the builder's cache above 10.7 GB, because retain is 1
"""
    assert [step.image_names for step in made.steps if isinstance(step, Tidy)] == [
        (f"shop:{THIRD}", f"shop:{'0' * 40}")
    ]
    assert len(made.after_commit) == 1


def test_nothing_goes_from_here_where_a_host_is_left_out_whose_releases_nobody_knows() -> None:
    earlier = (ListedImage(id=THIRD, names=(f"shop:{THIRD}",)),)
    config = a_config(roles=TWO_HOSTS, build={})
    given: dict[str, Any] = {"config": config, "here": None, "others_here": earlier, "retain": 1}
    assert "tidy" in text_of(plan(serving_first(image=None), **given))
    assert "tidy" not in text_of(plan(serving_first(image=None), **given, host_names=(A,)))


# How containers take turns


@pytest.mark.parametrize(
    ("role", "strategy", "reason"),
    [
        ({}, "overlap", "it may run twice"),
        ({"singleton": True}, "recreate", "it must never run twice"),
        ({"singleton": True, "handover": {}}, "handover", "it must never run twice, and knows how to hand over"),
        (
            {"singleton": True, "handover": {}, "publish": ["80:80"]},
            "recreate",
            "two containers cannot publish port 80:80",
        ),
        ({"singleton": True, "handover": {}, "strategy": "recreate"}, "recreate", "the config says so"),
        ({"publish": ["443:8443", "80:80"]}, "recreate", "two containers cannot publish port 443:8443"),
        ({"singleton": True, "publish": ["80:80"]}, "recreate", "two containers cannot publish port 80:80"),
        ({"strategy": "recreate"}, "recreate", "the config says so"),
        ({"strategy": "overlap"}, "overlap", "the config says so"),
    ],
)
def test_the_strategy_follows_from_the_role_and_says_why(role: dict[str, Any], strategy: str, reason: str) -> None:
    assert choose_strategy(Role.model_validate({"hosts": [A], **role})) == (strategy, reason)


def created(made: Plan) -> ContainerSpec:
    return next(step.spec for step in made.steps if isinstance(step, Create))


@pytest.mark.parametrize(("strategy", "aliases"), [("overlap", ()), ("recreate", ("web",))])
def test_only_a_container_that_is_alone_answers_to_the_name_of_its_role_and_all_to_one_for_watching(
    strategy: str, aliases: tuple[str, ...]
) -> None:
    made = created(plan(serving_first(), config=a_role(strategy=strategy)))
    assert made.aliases == ("web.metrics.internal", *aliases)


def test_a_container_is_told_which_release_it_is() -> None:
    made = created(plan(serving_first()))
    assert made.env == env(SHIPPER_RELEASE="2", SHIPPER_VERSION=SECOND)


def test_a_container_carries_labels_that_say_what_it_is() -> None:
    made = plan(serving_first(), full_name="shop-staging")
    assert created(made).labels == {
        "shipper.service": "shop-staging",
        "shipper.role": "web",
        "shipper.release": "2",
        "shipper.version": SECOND,
        "shipper.deploy": "0bbb",
    }


def test_a_destination_is_a_part_of_all_names() -> None:
    spec = created(plan(serving_first(), full_name="shop-staging"))
    assert (spec.name, spec.network_name) == ("shop-staging-web-r2-0bbb", "shop-staging")


def test_each_host_starts_with_the_env_of_its_own_payload() -> None:
    config = a_config(roles=TWO_HOSTS)
    payloads = {name: a_payload(config, name, env={"web": env(HOST=name)}) for name in (A, B)}
    made = plan(serving_first(), serving_first(B), config=config, payloads=payloads)
    envs = {step.host_name: step.spec.env for step in made.steps if isinstance(step, Create)}
    told = {"SHIPPER_RELEASE": "2", "SHIPPER_VERSION": SECOND}
    assert envs == {A: env(HOST=A, **told), B: env(HOST=B, **told)}


def test_a_swap_after_a_stop_has_nothing_to_take_from_the_old_one() -> None:
    made = plan(serving_first(), config=a_role(strategy="recreate"))
    assert [step.old_names for step in made.steps if isinstance(step, Swap)] == [()]


# What a container is


def a_spec(payload: Payload, labels: Mapping[str, str] | None = None) -> Any:
    return container_spec(
        "web", payload, name="n", image_name="shop:1", network_name="shop", labels=labels or {}, aliases=()
    )


def test_a_container_is_all_that_its_role_says() -> None:
    config = a_role(
        command=["serve", "--all"],
        volumes=["data:/data"],
        files={"/etc/app.conf": {"source": "app.conf"}},
        publish=["80:8080"],
        memory="64m",
        cpus=1.5,
        stop_timeout="7s",
        init=False,
        logging={"driver": "journald"},
        labels={"team": "eu"},
    )
    payload = a_payload(config, env={"web": env(LEVEL="info")}, files={"web": env(**{"/etc/app.conf": "text"})})
    made = container_spec(
        "web",
        payload,
        name="shop-web-r1-0bbb",
        image_name="shop:1",
        network_name="shop",
        labels={"shipper.role": "web"},
        aliases=("web",),
    )
    assert made == ContainerSpec(
        name="shop-web-r1-0bbb",
        image="shop:1",
        network_name="shop",
        aliases=("web",),
        labels={"team": "eu", "shipper.role": "web"},
        command=("serve", "--all"),
        env=env(LEVEL="info"),
        files=(FileInContainer(path="/etc/app.conf", content=Secret("text"), mode=0o444, user_id=0, group_id=0),),
        mounts=(Mount(source="data", target="/data"),),
        ports=(PublishedPort(address="", host_port=80, container_port=8080),),
        memory=64 * 1024**2,
        cpus=1.5,
        stop_timeout=7.0,
        init=False,
        logging=Logging(driver="journald"),
    )


def test_a_label_of_the_config_cannot_replace_one_of_ours() -> None:
    payload = a_payload(a_role(labels={"team": "eu", "kind": "theirs"}))
    assert a_spec(payload, {"kind": "ours"}).labels == {"team": "eu", "kind": "ours"}


@pytest.mark.parametrize(
    ("mapping", "port"),
    [
        ("80:8080", PublishedPort(address="", host_port=80, container_port=8080, protocol="tcp")),
        ("53:5353/udp", PublishedPort(address="", host_port=53, container_port=5353, protocol="udp")),
        ("127.0.0.1:80:81/tcp", PublishedPort(address="127.0.0.1", host_port=80, container_port=81, protocol="tcp")),
        ("[::1]:80:81", PublishedPort(address="::1", host_port=80, container_port=81, protocol="tcp")),
    ],
)
def test_a_published_port_is_read_into_its_parts(mapping: str, port: PublishedPort) -> None:
    assert a_spec(a_payload(a_role(publish=[mapping]))).ports == (port,)


@pytest.mark.parametrize(
    ("volume", "mount"),
    [
        ("data:/data", Mount(source="data", target="/data", read_only=False)),
        ("/srv/data:/data:ro", Mount(source="/srv/data", target="/data", read_only=True)),
        ("data:/data:rw", Mount(source="data", target="/data", read_only=False)),
    ],
)
def test_a_volume_is_read_into_its_parts(volume: str, mount: Mount) -> None:
    assert a_spec(a_payload(a_role(volumes=[volume]))).mounts == (mount,)


def test_a_file_gets_its_content_mode_and_owner() -> None:
    config = a_role(files={"/etc/app.conf": {"source": "app.conf", "mode": "0640", "owner": "1000:50"}})
    (file,) = a_spec(a_payload(config, files={"web": env(**{"/etc/app.conf": "text"})})).files
    assert (file.path, file.content.reveal(), file.mode, file.user_id, file.group_id) == (
        "/etc/app.conf",
        "text",
        0o640,
        1000,
        50,
    )


def test_an_image_with_other_ids_but_the_same_layers_and_birth_is_the_same() -> None:
    assert an_image(id="sha256:classic").same_as(an_image(id="sha256:containerd"))


def test_an_image_built_later_of_the_same_layers_is_another_one() -> None:
    other: Image = an_image(id="sha256:other", created="2026-03-02T12:00:00Z")
    assert not an_image().same_as(other)


def test_a_record_whose_image_goes_does_not_stay_behind() -> None:
    releases = (a_release(1), a_release(2, SECOND), a_release(3, THIRD, replaces=1))
    made = plan(a_host(a_container(3, THIRD), releases=releases), to=(4, "4" * 40), retain=1)
    prune = pruned(made)
    assert prune
    assert prune.release_numbers == (1, 2)
