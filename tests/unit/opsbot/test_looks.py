"""What commands that only look are answered with, compared as whole texts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import shipper
from opsbot.storage.decisions import Decision
from opsbot.verbs import Verb
from opsbot.views import env, history, logs, releases, status
from shipper.model.container import ContainerState
from shipper.model.records import Freeze, Holder
from shipper.model.release import ReleaseOutcome
from shipper.model.status import Disk
from shipper.planning.changes import Sign
from shipper.planning.env_changes import Given
from tests.unit.nouns import BEGUN, SECOND, THIRD, A, B, a_container, a_host, a_release
from tests.unit.opsbot.nouns import a_request, labels, read

NOW = BEGUN + timedelta(hours=2)
DISK = Disk(free=12_300_000_000, used_percent=45)
FREEZE = Freeze(performer="Ann (Telegram)", reason="release party", since=BEGUN, until=NOW + timedelta(hours=1))
HOLDER = Holder(
    performer="ci", origin="https://ci.example/7", since=(NOW - timedelta(minutes=3)).isoformat(), purpose="deploy of 2"
)


def a_role(**changed: Any) -> shipper.RoleStatus:
    values: dict[str, Any] = {
        "host_name": A,
        "role_name": "web",
        "container": a_container(12),
        "health": "healthy",
        "cpu_percent": 0.25,
        "memory": 34 * 1024**2,
        "memory_limit": 64 * 1024**2,
    }
    return shipper.RoleStatus(**{**values, **changed})


def a_status(*roles: shipper.RoleStatus, **changed: Any) -> shipper.HostStatus:
    return shipper.HostStatus(**{"host_name": A, "at": NOW, "disk": DISK, "roles": roles, **changed})


def of_status(*hosts: shipper.HostStatus) -> str:
    return read(status.seen(a_request(Verb.STATUS), hosts, NOW))


def test_a_status_tells_what_serves_and_how_it_does() -> None:
    bot = a_role(
        role_name="bot", handover="active", container=a_container(12, role="bot", restarts=3), memory_limit=None
    )
    assert of_status(a_status(a_role(), bot)) == (
        "production, 14:00 UTC\n"
        "\n"
        "🟢 web on a.example: healthy\n"
        "release 12 of 1111111, started 2 h ago\n"
        "processor 0.2 %, memory 34 MiB of 64 MiB\n"
        "\n"
        "🟢 bot on a.example: healthy, active\n"
        "release 12 of 1111111, started 2 h ago\n"
        "processor 0.2 %, memory 34 MiB, restarted 3 times\n"
        "\n"
        "💾 a.example: 12.3 GB free, 45 % used"
    )


def test_a_status_tells_what_is_wrong_and_who_holds_what() -> None:
    down = a_role(container=None, health="nothing serves")
    stopped_at = NOW - timedelta(minutes=4)
    stopped = a_role(
        role_name="cron",
        health="stopped",
        stopped=True,
        container=a_container(12, role="cron", state=ContainerState.EXITED, ended_at=stopped_at),
    )
    odd = a_role(role_name="old", finished=False, expected=False, health="GET /up → <500>")
    page = status.seen(
        a_request(Verb.STATUS),
        [
            a_status(down, stopped, odd, freeze=FREEZE, holder=HOLDER),
            shipper.HostStatus(host_name=B, at=NOW, problem="b.example: no route to it"),
        ],
        NOW,
    )
    assert read(page) == (
        "production, 14:00 UTC\n"
        "\n"
        "🔴 web on a.example: nothing serves\n"
        "\n"
        "🔴 old on a.example: GET /up → <500>\n"
        "release 12 of 1111111, started 2 h ago\n"
        "⚠️ its deploy did not come to its end\n"
        "⚠️ the last release has no such role here\n"
        "processor 0.2 %, memory 34 MiB of 64 MiB\n"
        "\n"
        "⚪ cron on a.example: stopped\n"
        "release 12 of 1111111, stopped 4 min ago\n"
        "\n"
        "❌ b.example: no route to it\n"
        "🔒 ci, CI is at it: deploy of 2, begun 3 min ago (on a.example)\n"
        "🧊 frozen by Ann (Telegram) until 2026-03-01 15:00 UTC: release party (on a.example)\n"
        "💾 a.example: 12.3 GB free, 45 % used"
    )
    assert labels(page) == [["Look again"], ["Lift the freeze"]]


def an_accessory(name: str, health: str = "healthy", **changed: Any) -> shipper.AccessoryStatus:
    container = a_container(role=name, restarts=changed.pop("restarts", 0))
    return shipper.AccessoryStatus(
        **{"host_name": A, "name": name, "container": container, "health": health, **changed}
    )


def test_a_status_tells_in_a_line_each_how_what_runs_beside_it_does() -> None:
    accessories = (
        an_accessory("postgres"),
        an_accessory("grafana", changed=True, restarts=2),
        an_accessory("cache", "GET / → <503>"),
        an_accessory("proxy", "does not run: it was not booted yet", container=None),
    )
    assert of_status(a_status(a_role(), accessories=accessories)) == (
        "production, 14:00 UTC\n"
        "\n"
        "🟢 web on a.example: healthy\n"
        "release 12 of 1111111, started 2 h ago\n"
        "processor 0.2 %, memory 34 MiB of 64 MiB\n"
        "\n"
        "🔴 cache on a.example: GET / → <503>\n"
        "🔴 proxy on a.example: does not run: it was not booted yet\n"
        "🟢 postgres on a.example: healthy\n"
        "🟢 grafana on a.example: healthy, restarted 2 times, changed since boot\n"
        "\n"
        "💾 a.example: 12.3 GB free, 45 % used"
    )


def test_many_accessories_leave_room_for_roles_and_hosts() -> None:
    many = tuple(an_accessory(f"{number}-{'x' * 60}") for number in range(100))
    told = of_status(*[a_status(a_role(), accessories=many) for _ in range(20)])

    assert len(told) < 4096
    assert [part[:2] for part in told.split("\n\n")[-2:]] == ["🟢 ", "💾 "]
    assert told.count(" more") == 2  # roles, accessories


def test_a_freeze_of_all_hosts_is_told_once() -> None:
    told = of_status(a_status(freeze=FREEZE), a_status(host_name=B, freeze=FREEZE)).splitlines()
    assert told[2] == "🧊 frozen by Ann (Telegram) until 2026-03-01 15:00 UTC: release party"
    assert [line[0] for line in told[3:]] == ["💾", "💾"]


def test_of_many_hosts_what_is_wrong_is_told_first() -> None:
    hosts = [a_status(a_role(host_name=f"host{number}"), host_name=f"host{number}") for number in range(40)]
    ill = a_status(a_role(health="x" * 500, host_name="ill"), host_name="ill")
    away = shipper.HostStatus(host_name="away", at=NOW, problem="no route")
    told = of_status(*hosts, ill, away).split("\n\n")
    assert told[1].startswith("🔴 web on ill: xxx")
    assert told[-1].startswith("❌ away: no route\n💾 host0: ")
    assert told[-2].endswith(" more")
    assert told[-1].endswith(" more")


def test_releases_tell_which_serves_and_where_there_is_no_way_back() -> None:
    first = a_release(1, outcome=ReleaseOutcome.DEPLOYED, begun_at=NOW - timedelta(days=3))
    second = a_release(
        2, SECOND, replaces=1, irreversible="1", origin="https://ci.example/7", performer="ci",
        begun_at=NOW - timedelta(hours=5),
    )  # fmt: skip
    third = a_release(3, THIRD, outcome=ReleaseOutcome.FAILED, performer="ann (Telegram)", origin="telegram")
    host = a_host(a_container(2, SECOND), releases=(first, second, third))
    page = releases.listed(a_request(Verb.RELEASES), {A: host}, {B: "b.example: no route to it"}, NOW)
    assert read(page) == (
        "production: releases, the newest first\n"
        "❌ b.example: no route to it\n"
        "• 3 3333333 failed, 2 h ago\n"
        "by ann (Telegram)\n"
        "▶️ 2 2222222 deployed, 5 h ago\n"
        "by ci, CI\n"
        "serves; no way back from here: 1\n"
        "• 1 1111111 deployed, 3 d ago\n"
        "by ann@laptop"
    )


def test_no_release_yet() -> None:
    page = releases.listed(a_request(Verb.RELEASES), {A: a_host()}, {}, NOW)
    assert read(page) == "production: releases, the newest first\nnone yet: /deploy makes the first"


def a_deploy(**changed: Any) -> shipper.PastDeploy:
    values: dict[str, Any] = {
        "host_name": A,
        "deploy_id": "0aaa",
        "begun_at": BEGUN,
        "performer": "ann (Telegram)",
        "origin": "telegram",
        "version": SECOND,
        "title": "shop: release 2 of 2222222 replaces release 1 of 1111111",
        "outcome": "deployed",
        "seconds": 4.25,
    }
    return shipper.PastDeploy(**{**values, **changed})


def a_decision(minutes: float, decision: str, what: str, why: str = "", name: str = "ann") -> Decision:
    at = (BEGUN + timedelta(minutes=minutes)).timestamp()
    return Decision(
        at=at, person_id=1, person_name=name, environment="production", decision=decision, what=what, why=why
    )


def test_history_is_what_happened_and_who_decided_it_with_the_newest_last() -> None:
    past = [
        a_deploy(),
        a_deploy(host_name=B, seconds=5.5),
        a_deploy(deploy_id="0bbb", begun_at=BEGUN + timedelta(minutes=9), performer="ci", origin="https://ci.example/7",
                 title="shop: rollback to release 1", outcome="failed", seconds=None, host_name=B),
    ]  # fmt: skip
    decided = [
        a_decision(-1, "confirmed", "deploy of 2222222 in production"),
        a_decision(5, "refused", "deploy", "not allowed", name="bob"),
    ]
    page = history.told(a_request(Verb.HISTORY), past, decided, [A, B], {"c.example": "no route to it"})
    assert read(page) == (
        "production: history, the newest last; times are UTC\n"
        "❌ c.example: no route to it\n"
        "Mar 01 11:59 👤 ann: deploy of 2222222 confirmed\n"
        "Mar 01 12:00 ✅ release 2 of 2222222 replaces release 1 of 1111111: deployed in 5.5 s, by ann (Telegram)\n"
        "Mar 01 12:05 👤 bob: deploy refused (not allowed)\n"
        "Mar 01 12:09 ❌ rollback to release 1: failed on b.example, by ci, CI"
    )


def test_of_a_long_history_the_newest_is_told() -> None:
    past = [
        a_deploy(deploy_id=f"{number:04}", title="x" * 500, performer="y" * 500, begun_at=BEGUN + timedelta(number))
        for number in range(60)
    ]
    told = read(history.told(a_request(Verb.HISTORY), past, [], [A], {}))
    assert "Apr 29" in told.splitlines()[-1]


def test_no_history_yet() -> None:
    page = history.told(a_request(Verb.HISTORY), [], [], [A], {})
    assert read(page).endswith("nothing was changed yet: /deploy begins")


def test_env_is_names_and_what_becomes_of_them() -> None:
    given = (
        Given(kind="env", name="COLOUR", sign=None),
        Given(kind="env", name="TOKEN", sign=Sign.CHANGED, absent_secrets=("APP_TOKEN",)),
        Given(kind="file", name="/etc/app.toml", sign=Sign.ADDED),
    )
    role = shipper.RoleEnv(role_name="web", host_names=(A,), release_number=2, given=given)
    assert read(env.listed(a_request(Verb.ENV), [role])) == (
        "production: names of what a deploy would give: + new, - gone, ~ another value\n"
        "web on a.example, compared with release 2\n"
        "    COLOUR\n"
        "  ~ TOKEN  (not set here, so from the release that serves: APP_TOKEN)\n"
        "  + file /etc/app.toml"
    )


def a_line(text: str, second: int = 0, **changed: Any) -> shipper.LogLine:
    values = {"host_name": A, "container": a_container(2), "is_error": False, **changed}
    return shipper.LogLine(at=BEGUN + timedelta(seconds=second), text=text, **values)


LOGS = a_request(Verb.LOGS, command={"role": "web"})


def test_a_few_lines_stand_in_the_message() -> None:
    answer = logs.written(LOGS, [a_line("ready & <well>"), a_line("\x1b[31mGET\x1b[0m /", 61)], ["one is unreadable"])
    assert read(answer.page) == (
        "logs of web in production: 2 lines\n" "12:00:00 ready & <well>\n" "12:01:01 GET /\n" "⚠️ one is unreadable"
    )
    assert (answer.file, labels(answer.page)) == (None, [["Look again"]])


def test_lines_of_several_containers_say_where_they_are_from() -> None:
    lines = [a_line("one"), a_line("two", host_name=B), a_line("three", container=a_container(3))]
    assert read(logs.written(LOGS, lines, []).page).splitlines()[1:] == [
        "12:00:00 a.example r2 one",
        "12:00:00 b.example r2 two",
        "12:00:00 a.example r3 three",
    ]


@pytest.mark.parametrize("lines", [[a_line("x") for _ in range(31)], [a_line("x" * 401)], [a_line("x" * 399)] * 9])
def test_what_is_long_comes_as_a_file_beside_its_last_lines(lines: list[shipper.LogLine]) -> None:
    answer = logs.written(LOGS, lines, [])
    assert answer.file
    assert answer.file.document
    assert (answer.file.file_name, len(answer.file.document.splitlines())) == ("web-production.txt", len(lines))
    assert f"{len(lines)} line" in read(answer.page)
    assert "as a file; the last ones:" in read(answer.page)


def test_a_file_is_no_larger_than_telegram_takes_and_keeps_the_newest() -> None:
    lines = [a_line("x" * 100_000) for _ in range(60)] + [a_line("the last")]
    file = logs.written(LOGS, lines, []).file
    assert file
    assert file.document
    assert len(file.document) <= 5_000_001
    assert file.document.endswith("the last\n")


def test_no_line_is_an_answer_too() -> None:
    request = replace(LOGS, command=replace(LOGS.command, grep="<ERR>"))
    assert read(logs.written(request, [], []).page) == "logs of web in production: no lines with <ERR>"


def test_times_are_utc() -> None:
    east = datetime(2026, 3, 1, 14, 0, tzinfo=UTC).astimezone()
    page = history.told(a_request(Verb.HISTORY), [a_deploy(begun_at=east)], [], [A], {})
    assert "Mar 01 14:00" in read(page)
