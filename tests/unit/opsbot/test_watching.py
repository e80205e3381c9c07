"""What is wrong with what serves, by what `shipper status` tells."""

from datetime import timedelta
from typing import Any

import pytest

from opsbot.watching import LONGEST_DEPLOY, Kind, Memory, Problem, look
from shipper.model.container import ContainerState
from shipper.model.records import Holder
from shipper.model.status import HEALTHY, Disk, HostStatus, RoleStatus
from tests.unit.nouns import BEGUN, FIRST, SECOND, A, B, a_container, a_stopped

NOW = BEGUN + timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def a_role(role_name: str = "web", host_name: str = A, number: int = 2, **changed: Any) -> RoleStatus:
    """It serves and is well."""
    container = a_container(number, FIRST if number == 1 else SECOND, role=role_name, deploy=f"{number}aaa")
    values: dict[str, Any] = {"container": container, "health": HEALTHY}
    return RoleStatus(host_name=host_name, role_name=role_name, **{**values, **changed})


def a_host(*roles: RoleStatus, host_name: str = A, **changed: Any) -> HostStatus:
    return HostStatus(host_name=host_name, at=NOW, roles=roles, **changed)


def seen(*hosts: HostStatus, disk: int = 90) -> list[tuple[str, str]]:
    found = look("production", hosts, Memory(), disk=disk, now=NOW).problems
    return [(problem.kind.value, f"{problem.role_name or problem.host_name} {problem.text}") for problem in found]


def restarting(restarts: int, **changed: Any) -> HostStatus:
    return a_host(a_role(container=a_container(2, SECOND, restarts=restarts, **changed)))


def test_where_all_is_well_nothing_is_told() -> None:
    disk = Disk(free=2_000_000_000, used_percent=89)

    assert seen(a_host(a_role(handover="active"), disk=disk), a_host(a_role(host_name=B), host_name=B)) == []


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (
            a_role(container=None, health="nothing serves: shop-web-r2-0bbb ended with exit code 1"),
            ("down", "web is down: nothing serves: shop-web-r2-0bbb ended with exit code 1"),
        ),
        (
            a_role(container=a_container(2, SECOND, state=ContainerState.PAUSED), health="paused"),
            ("down", "web is down: paused"),
        ),
        (
            a_role(
                container=a_container(2, SECOND, state=ContainerState.RESTARTING),
                health="restarting, after exit code 1",
            ),
            ("restarting", "web was restarted by Docker; now: restarting, after exit code 1"),
        ),
        (a_role(health="GET /up → 500"), ("unhealthy", "web is not well: GET /up → 500")),
        (a_role(handover="standby"), ("inactive", "web runs, but is standby instead of active")),
        (a_role(health="GET /up → 500", handover="standby"), ("unhealthy", "web is not well: GET /up → 500")),
        (
            a_role(container=a_stopped(2, ended_at=BEGUN), health="stopped", stopped=True),
            ("stopped", "web was stopped by hand at 12:00 UTC"),
        ),
        (
            a_role(finished=False),
            ("drift", "web serves release 2 (2222222), whose deploy did not come to its end"),
        ),
        (
            a_role(expected=False),
            ("drift", "web serves release 2 (2222222), though the last release has no such role there"),
        ),
    ],
)
def test_each_thing_that_is_wrong_with_a_role_is_one_problem(role: RoleStatus, expected: tuple[str, str]) -> None:
    assert seen(a_host(role)) == [expected]


def test_a_role_that_the_last_release_does_not_have_need_not_serve() -> None:
    assert seen(a_host(a_role(), a_role("worker", container=None, health="nothing serves", expected=False))) == []


def test_what_serves_another_release_than_the_newest_drifts() -> None:
    behind = a_host(a_role(host_name=B, number=1), host_name=B)

    assert seen(a_host(a_role()), behind) == [
        ("drift", "web serves release 1 (1111111), but web on a.example release 2 (2222222)")
    ]


def test_after_a_rollback_the_older_release_is_the_last_one() -> None:
    gone_back = a_role(container=a_container(1, FIRST, deploy="3aaa"))

    assert seen(a_host(gone_back, a_role("worker"))) == [
        ("drift", "worker serves release 2 (2222222), but web on a.example release 1 (1111111)")
    ]


def test_what_a_killed_deploy_left_is_not_what_the_others_are_measured_by() -> None:
    assert seen(a_host(a_role(finished=False), a_role("worker", number=1))) == [
        ("drift", "web serves release 2 (2222222), whose deploy did not come to its end")
    ]


def test_a_host_that_cannot_be_reached_has_that_problem_only() -> None:
    gone = HostStatus(host_name=B, at=NOW, problem=f"{B}: no answer within 10 s", exit_code=10)

    found = look("production", [a_host(a_role()), gone], Memory(), disk=90, now=NOW)

    assert found.problems == (
        Problem(
            environment="production",
            kind=Kind.UNREACHABLE,
            host_name=B,
            text="cannot be looked at: no answer within 10 s",
        ),
    )
    judged = {(kind, name) for kind in Kind for name in (A, B) if found.judges(kind, name)}
    of_a = {(kind, A) for kind in Kind if kind is not Kind.DRIFT}
    assert judged == {*of_a, (Kind.UNREACHABLE, B)}


def test_what_a_role_goes_to_and_fro_between_is_one_problem() -> None:
    of_service = [a_role(container=None), a_role(health="GET /up → 500"), a_role(handover="draining")]

    keys = {look("production", [a_host(role)], Memory(), disk=90, now=NOW).problems[0].key for role in of_service}

    assert keys == {"production/a.example/web/service"}


def test_a_disk_at_its_limit_does_not_come_and_go() -> None:
    memory, told = Memory(), []
    for used in (89, 90, 89, 88, 87, 86, 87, 89):
        host = a_host(disk=Disk(free=2_000_000_000, used_percent=used))
        found = look("production", [host], memory, disk=90, now=NOW)
        memory = found.memory
        told.append([problem.text for problem in found.problems])

    assert [bool(texts) for texts in told] == [False, True, True, True, True, False, False, False]
    assert told[1] == ["has a disk that is 90 % full: 2 GB are free"]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([7, 7, 7], [False, False, False]),  # it was restarted long ago
        ([0, 1, 1], [False, False, False]),  # once is an accident
        ([0, 1, 2, 2], [False, False, True, True]),
        ([0, 2, *[2] * 8, 2, 2], [False, *[True] * 9, False, False]),
    ],
)
def test_restarts_are_a_problem_where_there_are_several_in_ten_minutes(counts: list[int], expected: list[bool]) -> None:
    memory, told = Memory(), []
    for minute, count in enumerate(counts):
        found = look("production", [restarting(count)], memory, disk=90, now=NOW + minute * MINUTE)
        memory = found.memory
        told.append(Kind.RESTARTING in [problem.kind for problem in found.problems])

    assert told == expected


def test_the_restarts_of_another_container_are_not_those_of_this_one() -> None:
    before = look("production", [restarting(0)], Memory(), disk=90, now=NOW)

    assert look("production", [restarting(5, name="new")], before.memory, disk=90, now=NOW + MINUTE).problems == ()


def test_a_link_that_was_cut_does_not_make_restarts_forgotten() -> None:
    gone = HostStatus(host_name=A, at=NOW, problem="no answer", exit_code=10)
    memory = look("production", [restarting(0)], Memory(), disk=90, now=NOW).memory
    memory = look("production", [gone], memory, disk=90, now=NOW + MINUTE).memory

    (found,) = look("production", [restarting(5)], memory, disk=90, now=NOW + 2 * MINUTE).problems

    assert found.text == "was restarted by Docker 5 times in 10 minutes; now: healthy"


def test_while_somebody_deploys_nothing_is_told_of_roles_but_of_hosts() -> None:
    holder = Holder(performer="ann", since="not our clock", purpose="deploy of 2222222")
    gone = HostStatus(host_name=B, at=NOW, problem="no answer", exit_code=10)

    found = look("production", [a_host(a_role(container=None), holder=holder), gone], Memory(), disk=90, now=NOW)

    assert [problem.kind for problem in found.problems] == [Kind.UNREACHABLE]
    assert {kind for kind in Kind if found.judges(kind, A)} == {Kind.UNREACHABLE, Kind.DISK}


def test_a_deploy_excuses_what_is_seen_for_so_long_only() -> None:
    def at(minutes: float, memory: Memory, since: str = "12:00") -> tuple[bool, Memory]:
        holder = Holder(performer="ann", since=since, purpose="deploy of 2222222")
        hosts = [a_host(a_role(container=None), holder=holder)]
        found = look("production", hosts, memory, disk=90, now=NOW + minutes * MINUTE)
        return found.is_deploying, found.memory

    longest = LONGEST_DEPLOY / MINUTE
    first, memory = at(0, Memory())
    later, memory = at(longest - 1, memory)
    too_late, memory = at(longest, memory)
    of_the_next_one, _ = at(longest + 1, memory, since="12:16")

    assert [first, later, too_late, of_the_next_one] == [True, True, False, True]
