from collections.abc import Mapping
from dataclasses import replace

import pytest

from shipper.errors import ReleaseNotFound
from shipper.model.container import SET_ASIDE, Container
from shipper.model.observed import Observed
from shipper.model.records import Unfinished
from shipper.model.release import Payload, Release, ReleaseOutcome
from shipper.planning.barriers import barrier, barriers_before
from shipper.planning.hashes import config_hash, env_hash
from shipper.planning.releases import last_deployed, next_number, number_for, rollback_number
from tests.unit.nouns import (
    FIRST,
    SECOND,
    THIRD,
    A,
    B,
    a_config,
    a_container,
    a_host,
    a_payload,
    a_release,
    a_role,
    a_run,
    a_stopped,
    an_uncommitted,
    env,
)

TODAY = a_payload(env={"web": env(LEVEL="info")})


def recorded(number: int, version: str = FIRST, payload: Payload = TODAY, **changed: object) -> Release:
    """A record of a release that gave its containers this payload."""
    values: dict[str, object] = {"env_salt": "salt", "env_hash": env_hash(payload, "salt"), **changed}
    return a_release(number, version, **values)


def number(
    *hosts: Observed, version: str = FIRST, payloads: Mapping[str, Payload] | None = None, wanted: Release | None = None
) -> int:
    wanted = wanted or a_release(0, version, outcome=ReleaseOutcome.UNFINISHED)
    return number_for(wanted, payloads or {host.host_name: TODAY for host in hosts}, hosts)


def serving(number: int, version: str = FIRST, host_name: str = A, *older: Release, **changed: object) -> Observed:
    releases = (*older, recorded(number, version, **changed))  # type: ignore[arg-type]  # any field of a record
    return a_host(a_container(number, version), host_name=host_name, releases=releases)


# The number of what is deployed


def test_the_first_release_is_number_one() -> None:
    assert number(a_host()) == 1


def test_what_serves_already_keeps_its_number() -> None:
    assert number(serving(3)) == 3


def test_another_commit_is_a_new_release() -> None:
    assert number(serving(3), version=SECOND) == 4


def test_another_image_is_a_new_release() -> None:
    assert number(serving(3), wanted=a_release(0, FIRST, image="other:1")) == 4


def test_another_config_is_a_new_release() -> None:
    assert number(serving(3), wanted=a_release(0, FIRST, config_hash="other")) == 4


@pytest.mark.parametrize(
    "payload",
    [
        a_payload(env={"web": env(LEVEL="debug")}),
        a_payload(env={"web": {}}),
        a_payload(env={"web": env(LEVEL="info", MORE="x")}),
        a_payload(env={"web": env(LEVEL="info")}, files={"web": env(**{"/etc/app.conf": "x"})}),
    ],
)
def test_another_env_or_file_of_the_same_commit_is_a_new_release(payload: Payload) -> None:
    assert number(serving(3), payloads={A: payload}) == 4


def test_a_secret_that_no_container_gets_makes_no_new_release() -> None:
    assert number(serving(3), payloads={A: replace(TODAY, secrets=env(UNUSED="x"))}) == 3


def test_an_unfinished_newest_release_of_the_same_content_is_taken_up_again() -> None:
    unfinished = recorded(2, SECOND, outcome=ReleaseOutcome.UNFINISHED)
    host = a_host(a_container(1), an_uncommitted(2, SECOND), releases=(recorded(1), unfinished))
    assert number(host, version=SECOND) == 2


def test_an_unfinished_newest_release_of_another_content_is_left_behind() -> None:
    unfinished = recorded(2, SECOND, outcome=ReleaseOutcome.UNFINISHED)
    host = a_host(a_container(1), an_uncommitted(2, SECOND), releases=(recorded(1), unfinished))
    assert number(host, version=THIRD) == 3


@pytest.mark.parametrize("version", [SECOND, THIRD])
def test_an_unfinished_release_that_is_not_the_newest_revives_nothing(version: str) -> None:
    unfinished = recorded(2, SECOND, outcome=ReleaseOutcome.UNFINISHED)
    failed = recorded(3, THIRD, outcome=ReleaseOutcome.FAILED)
    assert number(a_host(a_container(1), releases=(recorded(1), unfinished, failed)), version=version) == 4


@pytest.mark.parametrize("outcome", [ReleaseOutcome.FAILED, ReleaseOutcome.DEPLOYED])
def test_a_release_that_ended_and_does_not_serve_is_not_taken_up(outcome: ReleaseOutcome) -> None:
    host = a_host(a_container(1), releases=(recorded(1), recorded(2, SECOND, outcome=outcome)))
    assert number(host, version=SECOND) == 3


def test_what_serves_is_found_behind_newer_releases_that_failed() -> None:
    failed = recorded(2, SECOND, outcome=ReleaseOutcome.FAILED)
    assert number(a_host(a_container(1), releases=(recorded(1), failed))) == 1


def test_a_container_whose_record_is_lost_is_not_taken_for_the_same() -> None:
    assert number(a_host(a_container(3))) == 4


def test_a_host_that_serves_the_release_pulls_along_one_that_does_not_have_it() -> None:
    assert number(serving(2, SECOND, A), serving(1, FIRST, B), version=SECOND) == 2


def test_a_new_host_joins_the_release_that_serves() -> None:
    assert number(serving(5), a_host(host_name=B)) == 5


def test_a_number_that_names_another_content_on_one_host_is_not_used() -> None:
    assert number(serving(2, FIRST, A), serving(2, SECOND, B), version=SECOND) == 3


def test_each_host_is_compared_by_its_own_env() -> None:
    payloads = {name: a_payload(env={"web": env(HOST=name)}) for name in (A, B)}
    hosts = [serving(2, FIRST, name, payload=payload) for name, payload in payloads.items()]
    assert number(*hosts, payloads=payloads) == 2


def test_a_change_of_env_on_one_host_is_a_new_release_on_all() -> None:
    payloads = {A: TODAY, B: a_payload(env={"web": env(LEVEL="debug")})}
    assert number(serving(2), serving(2, FIRST, B), payloads=payloads) == 3


# The next number


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ([a_host()], 1),
        ([a_host(releases=(a_release(1), a_release(4)))], 5),
        ([a_host(a_stopped(7), releases=(a_release(4),))], 8),
        ([a_host(releases=(a_release(2),)), a_host(releases=(a_release(6),), host_name=B)], 7),
    ],
)
def test_a_new_number_is_above_all_records_and_containers_of_all_hosts(hosts: list[Observed], expected: int) -> None:
    assert next_number(hosts) == expected


# Where a rollback goes


def test_a_rollback_goes_to_what_served_before() -> None:
    assert rollback_number([serving(5, FIRST, A, replaces=3)]) == 3


def test_a_second_rollback_goes_one_further_back() -> None:
    releases = (recorded(1), recorded(2, replaces=1), recorded(3, replaces=2))
    after_the_first = a_host(a_container(2, deploy="0bbb"), a_stopped(3), releases=releases)
    assert rollback_number([after_the_first]) == 1


def test_hosts_that_serve_different_releases_roll_back_together_if_they_came_from_one() -> None:
    assert rollback_number([serving(3, FIRST, A, replaces=1), serving(2, FIRST, B, replaces=1)]) == 1


def after_a_deploy_that_died(*containers: Container) -> Observed:
    releases = (recorded(1), recorded(2, replaces=1), recorded(3, replaces=2, outcome=ReleaseOutcome.UNFINISHED))
    return a_host(*containers, releases=releases)


@pytest.mark.parametrize(
    "containers",
    [
        (a_container(2), an_uncommitted(3)),
        (an_uncommitted(2), a_container(3, deploy="0bbb")),
        (a_stopped(2, restart_policy="unless-stopped"),),
        (a_stopped(2), a_container(3, deploy="0bbb")),
    ],
    ids=["at its gate", "after its swap", "while nothing ran", "at its very end"],
)
def test_a_rollback_after_a_deploy_that_died_goes_back_to_what_served_before_it(containers: list[Container]) -> None:
    died = Unfinished(command="deploy", release_number=3)
    assert rollback_number([after_a_deploy_that_died(*containers)], died) == 2


def test_a_rollback_after_a_deploy_that_died_in_its_migration_stays_with_what_serves() -> None:
    died = Unfinished(command="deploy", release_number=3)
    host = after_a_deploy_that_died(a_container(2))
    assert rollback_number([host], died) == 1  # nothing had begun
    assert rollback_number([replace(host, runs=(a_run(3),))], died) == 2


def test_what_was_stopped_on_purpose_tells_nothing_of_how_far_a_deploy_came() -> None:
    died = Unfinished(command="deploy", release_number=3)
    cron = a_stopped(2, role="cron", restart_policy=SET_ASIDE)
    host = after_a_deploy_that_died(a_container(2), cron)
    assert rollback_number([replace(host, stopped_roles=frozenset({"cron"}))], died) == 1


def test_a_rollback_after_a_deploy_that_died_leaves_a_host_alone_to_which_that_had_not_come() -> None:
    died = Unfinished(command="deploy", release_number=3)
    spared = a_host(a_container(2), host_name=B, releases=(recorded(1), recorded(2, replaces=1)))
    assert rollback_number([after_a_deploy_that_died(a_container(3, deploy="0bbb")), spared], died) == 2


def test_a_rollback_after_a_rollback_that_died_goes_where_that_one_went() -> None:
    died = Unfinished(command="rollback", release_number=1)
    at_its_end = a_host(a_stopped(2), a_container(1, deploy="0bbb"), releases=(recorded(1), recorded(2, replaces=1)))
    assert rollback_number([at_its_end], died) == 1


def refusal(*hosts: Observed) -> str:
    with pytest.raises(ReleaseNotFound) as caught:
        rollback_number(hosts)
    return str(caught.value)


NAME_IT = "Name the release: shipper rollback NUMBER (shipper releases lists them)."


def test_the_first_release_has_none_to_go_back_to() -> None:
    assert (
        refusal(serving(1)) == "The release that serves is the first one: there is none before it.\nNothing was done."
    )


def test_a_host_where_nothing_serves_cannot_be_rolled_back_without_a_number() -> None:
    expected = f"b.example: nothing serves there, so there is no release before it.\n{NAME_IT}"
    assert refusal(serving(2, FIRST, A, replaces=1), a_host(host_name=B)) == expected


def test_hosts_that_would_go_back_to_different_releases_are_refused() -> None:
    assert refusal(serving(3, FIRST, A, replaces=2), serving(2, FIRST, B, replaces=1)) == (
        "Different releases serve, and would go back to different ones: a.example → 2, b.example → 1.\n"
        "Nothing was done.\n"
        "Name the release (shipper rollback NUMBER; shipper releases lists them), or a part: --host, --role."
    )


# Hashes


def test_the_hash_of_an_env_depends_on_the_salt() -> None:
    assert env_hash(TODAY, "salt") != env_hash(TODAY, "pepper")


def test_the_hash_of_an_env_does_not_depend_on_the_order_of_its_names() -> None:
    one, other = env(A="1", B="2"), env(B="2", A="1")
    assert env_hash(a_payload(env={"web": one}), "salt") == env_hash(a_payload(env={"web": other}), "salt")


def test_how_servers_are_reached_is_no_part_of_a_release() -> None:
    assert config_hash(a_config(ssh={"user": "ann"}, retain=9, timeouts={"call": "1s"})) == config_hash(a_config())


@pytest.mark.parametrize("changed", [{"memory": "1g"}, {"gate": {"tcp": 80}}, {"stop_timeout": "29s"}])
def test_what_makes_containers_is_a_part_of_a_release(changed: dict[str, object]) -> None:
    assert config_hash(a_role(**changed)) != config_hash(a_config())


# From where there is no way back


def history(*markers: str, serves: int | None = None) -> Observed:
    """Releases 1, 2, … that each replaced the one before, with these markers; the last one serves, or `serves`."""
    releases = tuple(
        a_release(number, replaces=number - 1 or None, irreversible=marker)
        for number, marker in enumerate(markers, start=1)
    )
    return a_host(a_container(serves or len(markers)), releases=releases)


def crossed(host: Observed, target: int) -> dict[int, str]:
    record = host.release(target)
    assert record
    return {barrier.release_number: barrier.reason for barrier in barriers_before(host, record)}


def test_going_back_over_a_release_that_brought_a_reason_crosses_it() -> None:
    assert crossed(history("", "drops email"), 1) == {2: "drops email"}
    assert crossed(history("", "drops email", "drops email", "drops phone"), 1) == {4: "drops phone", 2: "drops email"}


def test_what_another_role_brought_is_crossed_though_the_newest_release_replaced_an_older_one() -> None:
    records = (recorded(1), recorded(2, replaces=1, irreversible="drops email"), recorded(3, replaces=1))
    assert crossed(a_host(a_container(2), a_container(3, role="cron"), releases=records), 1) == {2: "drops email"}


def test_going_back_within_releases_that_give_the_same_reason_crosses_nothing() -> None:
    assert crossed(history("", "drops email", "drops email", ""), 2) == {}


def test_going_forward_crosses_nothing() -> None:
    assert crossed(history("", "drops email", serves=1), 2) == {}


def test_what_was_left_by_a_rollback_already_is_not_crossed_again() -> None:
    assert crossed(history("", "", "drops email", serves=2), 1) == {}


def test_a_release_that_followed_a_rollback_counts_from_where_that_went() -> None:
    host = history("", "drops email", "drops email")
    again = a_release(4, replaces=1, irreversible="drops email")
    host = replace(host, releases=(*host.releases, again), containers=(a_container(4),))
    assert crossed(host, 1) == {4: "drops email"}
    assert crossed(host, 3) == {}


def test_where_a_record_is_gone_there_may_be_no_way_back() -> None:
    whole = history("", "", "drops email", "")
    without = replace(whole, releases=tuple(r for r in whole.releases if r.number != 2))
    assert crossed(without, 1) == {
        3: "drops email (unless that was so before: the record of release 2 is gone)",
        2: "its record is gone, so there may be no way back",
    }


def test_where_no_release_is_marked_a_record_that_is_gone_is_no_reason_to_stay() -> None:
    whole = history("", "", "")
    assert crossed(replace(whole, releases=(whole.releases[0], whole.releases[2])), 1) == {}


def test_where_nothing_serves_what_was_deployed_last_counts() -> None:
    host = replace(history("", "drops email"), containers=())
    assert crossed(host, 1) == {2: "drops email"}


FIRST_ONE, SECOND_ONE = a_release(1), a_release(2, SECOND)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (a_host(), 0),
        (a_host(a_container(1), releases=(FIRST_ONE,)), 1),
        (a_host(a_container(1, deploy="3aaa"), a_stopped(2, deploy="2aaa"), releases=(FIRST_ONE, SECOND_ONE)), 1),
        (
            a_host(
                a_container(1, deploy="1aaa"),
                a_container(2, role="worker", deploy="2aaa"),
                releases=(FIRST_ONE, replace(SECOND_ONE, outcome=ReleaseOutcome.UNFINISHED)),
            ),
            1,
        ),
        (a_host(a_container(1), a_container(2, role="worker", deploy="2aaa"), releases=(FIRST_ONE, SECOND_ONE)), 2),
        (a_host(releases=(FIRST_ONE, SECOND_ONE)), 2),
    ],
    ids=["nothing", "one", "gone back", "killed", "one role", "all containers are gone"],
)
def test_the_release_that_was_deployed_last_is_that_of_the_newest_deploy_that_came_to_its_end(
    host: Observed, expected: int
) -> None:
    assert last_deployed(host) == expected


def test_the_first_release_leads_nowhere_back() -> None:
    assert barrier(a_host(), a_release(1, irreversible="drops email")) is None


def test_commands_of_release_are_a_part_of_a_release_and_their_deadline_is_not() -> None:
    plain, marked = ({"commands": ["migrate"]}, {"commands": ["migrate"], "irreversible": "drops email"})
    assert config_hash(a_config(release=plain)) != config_hash(a_config()) != config_hash(a_config(release=marked))
    assert config_hash(a_config(release=plain)) == config_hash(a_config(release={**plain, "deadline": "1m"}))
