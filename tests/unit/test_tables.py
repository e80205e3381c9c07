"""Tables, on terminals of any width; and what stands in them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shipper.model.container import AccessoryMark
from shipper.model.records import Freeze, Holder, PastDeploy
from shipper.model.release import ReleaseOutcome
from shipper.model.status import AccessoryStatus, Disk, HostStatus, RoleStatus
from shipper.reporters.listings import accessory_rows, history_rows, host_rows, release_rows, role_rows, status_lines
from shipper.reporters.tables import table
from tests.unit.nouns import BEGUN, FIRST, SECOND, A, B, a_container, a_host, a_release, by_name

NOW = BEGUN + timedelta(minutes=5)
ROWS = [
    ("HOST", "ROLE", "HEALTH", "EMPTY", "CONTAINER"),
    ("a.example", "web", "GET /up → 500 out of coffee", "", "shop-web-r1-0aaa"),
    ("b.example", "worker", "healthy", "", "shop-worker-r1-0aaa"),
]


def text(width: int | None) -> list[str]:
    return [line for lines in table(ROWS, titles=2, width=width) for line in lines]


def test_columns_are_aligned_and_those_without_content_left_out() -> None:
    assert text(None) == [
        "HOST       ROLE    HEALTH                       CONTAINER",
        "a.example  web     GET /up → 500 out of coffee  shop-web-r1-0aaa",
        "b.example  worker  healthy                      shop-worker-r1-0aaa",
    ]
    assert text(67) == text(None)


def test_on_a_terminal_that_is_too_narrow_each_row_is_a_paragraph() -> None:
    assert text(66) == [
        "a.example  web",
        "    health: GET /up → 500 out of coffee,",
        "    container: shop-web-r1-0aaa",
        "b.example  worker",
        "    health: healthy, container: shop-worker-r1-0aaa",
    ]


@pytest.mark.parametrize("width", [20, 30, 40, 66])
def test_no_word_is_broken_however_narrow_it_is(width: int) -> None:
    words = {word for line in text(width) for word in line.split()}

    assert {"shop-worker-r1-0aaa", "coffee,", "b.example"} <= words
    assert all(len(line) <= width for line in text(width) if len(line.split()) > 1)


def a_role(**changed: object) -> RoleStatus:
    values = {"container": a_container(1), "health": "healthy", "cpu_percent": 1.25, "memory": 3 * 1024**2}
    return RoleStatus(host_name=A, role_name="web", **{**values, **changed})  # type: ignore[arg-type]  # by name


def test_status_tells_how_a_role_does() -> None:
    roles = (a_role(memory_limit=64 * 1024**2, handover="standby"), a_role(container=None, health="nothing serves"))
    hosts = [HostStatus(host_name=A, at=NOW, roles=roles)]

    _, serves, absent = role_rows(hosts, NOW)

    name = a_container(1).name
    assert serves == (
        *(A, "web", "1", "1111111", "healthy, standby"),
        *("5 min ago", "0", "1.2 %", "3 MiB of 64 MiB", name),
    )
    assert absent == (A, "web", "-", "-", "nothing serves", "", "", "", "", "")


def test_status_tells_what_a_host_has_left_and_who_may_deploy_there() -> None:
    holder = Holder(performer="ann", since=BEGUN.isoformat(), purpose="deploy of 2222222", origin="https://ci/7")
    freeze = Freeze(performer="bob", reason="black friday", since=BEGUN)
    hosts = [
        HostStatus(host_name=A, at=NOW, disk=Disk(free=2_500_000_000, used_percent=70), holder=holder, freeze=freeze),
        HostStatus(host_name=B, at=NOW, problem=f"{B}: cannot connect", exit_code=10),
        HostStatus(host_name="c.example", at=NOW - timedelta(minutes=1)),
    ]

    _, of_a, of_b, of_c = host_rows(hosts, NOW)

    lock = "ann, from https://ci/7, since 5 min ago, for deploy of 2222222"
    assert of_a == (A, "2.5 GB", "70 %", lock, "frozen by bob: black friday", "")
    assert of_b == (B, "", "", "", "", "cannot connect")
    assert of_c == ("c.example", "?", "?", "free", "", "no answer since 1 min ago")


def an_accessory(**changed: Any) -> AccessoryStatus:
    mark = AccessoryMark(config_hash="c0ffee", content_hash="", image="postgres:17")
    container = replace(a_container(1), role_name="db", accessory=mark)
    return AccessoryStatus(**{"host_name": A, "name": "db", "container": container, "health": "healthy", **changed})


def test_status_tells_how_accessories_do_in_a_table_of_their_own() -> None:
    absent = an_accessory(name="cache", container=None, health="does not run: it was not booted yet")
    hosts = [HostStatus(host_name=A, at=NOW, accessories=(an_accessory(changed=True), absent))]

    _, changed, missing = accessory_rows(hosts, NOW)

    assert changed == (A, "db", "healthy", "5 min ago", "0", "postgres:17", "changed since boot")
    assert missing == (A, "cache", "does not run: it was not booted yet", "", "", "", "")
    drawn = status_lines(hosts, NOW, None)
    assert [style for line, style in drawn if line.startswith(A)] == ["yellow", "red", ""]


def test_what_is_not_well_is_red_on_a_terminal() -> None:
    hosts = [HostStatus(host_name=A, at=NOW, roles=(a_role(), a_role(health="GET /up → 500")))]

    drawn = status_lines(hosts, NOW, None)

    assert [style for line, style in drawn if line.startswith(A)] == ["", "red", ""]


def a_past(host_name: str, deploy_id: str, **changed: object) -> PastDeploy:
    values = {
        "begun_at": BEGUN,
        "performer": "ann",
        "origin": "terminal",
        "version": FIRST,
        "title": f"shop: release {deploy_id}",
        "outcome": "deployed",
        "seconds": 1.5,
    }
    return PastDeploy(host_name=host_name, deploy_id=deploy_id, **{**values, **changed})  # type: ignore[arg-type]  # by name


def test_history_has_the_newest_first_and_one_row_for_hosts_that_say_the_same() -> None:
    past = [
        a_past(A, "1"),
        a_past(B, "1", seconds=2.0),
        a_past(A, "2", outcome="failed"),
        a_past(B, "2", outcome="unfinished", seconds=None),
    ]

    _, *rows = history_rows(past, (A, B), NOW)

    assert rows == [
        ("5 min ago", "ann", "terminal", "unfinished", "-", B, "release 2"),
        ("5 min ago", "ann", "terminal", "failed", "1.5 s", A, "release 2"),
        ("5 min ago", "ann", "terminal", "deployed", "2.0 s", "all", "release 1"),
    ]


def test_releases_tell_what_serves_where_a_rollback_goes_and_what_has_no_way_back() -> None:
    releases = (
        a_release(1),
        a_release(2, SECOND, replaces=1, irreversible="0007 drops users.email"),
        a_release(3, "3" * 40, replaces=2, irreversible="0007 drops users.email"),
        a_release(4, "4" * 40, replaces=3, outcome=ReleaseOutcome.FAILED),
    )
    host = a_host(a_container(3), a_container(2, role="worker"), releases=releases)

    _, *rows = release_rows(by_name(host), (), 1, NOW)

    assert [(row[0], row[2], row[-1]) for row in rows] == [
        ("4", "failed", ""),
        ("3", "deployed", "serves web"),
        ("2", "deployed", "serves worker; a rollback goes here; no way back from here: 0007 drops users.email"),
        ("1", "deployed", ""),
    ]
    assert {row[-2] for row in rows} == {""}, "of a single host there is nothing to say"


def test_where_there_is_no_way_back_no_rollback_goes() -> None:
    one_way = a_release(2, SECOND, replaces=1, irreversible="0007 drops users.email")

    _, *rows = release_rows(by_name(a_host(a_container(2), releases=(a_release(1), one_way))), (), 1, NOW)

    assert [row[-1] for row in rows] == ["serves; no way back from here: 0007 drops users.email", ""]


def test_releases_of_several_hosts_share_a_row_where_they_say_the_same() -> None:
    first = a_host(a_container(1), releases=(a_release(1),))
    second = a_host(a_container(2), host_name=B, releases=(a_release(1, env_salt="other"), a_release(2, SECOND)))

    _, *rows = release_rows(by_name(first, second), (), 1, NOW)

    assert [(row[0], *row[-2:]) for row in rows] == [("2", B, "serves"), ("1", A, "serves"), ("1", B, "")]
