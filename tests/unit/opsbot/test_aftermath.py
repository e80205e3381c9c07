"""What became of a request whose process died: from what the hosts tell, to what is said of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from opsbot.aftermath import Aftermath, Seen, State, aftermath
from opsbot.command import Command
from opsbot.storage.requests import Phase, Request
from opsbot.verbs import Verb
from opsbot.views import recovery
from shipper.model.records import Holder, PastDeploy
from shipper.model.status import HEALTHY, HostStatus, RoleStatus
from tests.unit.nouns import BEGUN, FIRST, SECOND, A, B, a_container, a_host, a_release

LATER = BEGUN + timedelta(minutes=5)
CI = Holder(performer="ci", origin="https://ci.example/7", since=LATER.isoformat(), purpose="deploy of 3333333")


def a_request(verb: Verb = Verb.DEPLOY, **changed: Any) -> Request:
    command = Command(verb=verb, environment="production", version=SECOND if verb is Verb.DEPLOY else "")
    values: dict[str, Any] = {"command": command, "release": 2, "abort_by": "", **changed}
    return Request(
        id=7,
        person_id=1,
        person_name="Ann",
        phase=Phase.RECOVERING,
        message=1,
        options=(),
        fingerprint="",
        expires_at=0,
        approved_by="",
        owner=None,
        begun_at=BEGUN.timestamp(),
        created_at=0,
        **values,
    )


def past(outcome: str, host_name: str = A, at: datetime = BEGUN, **changed: Any) -> PastDeploy:
    """An entry that Ann's request made."""
    values: dict[str, Any] = {"deploy_id": "0bbb", "performer": "Ann (Telegram)", "origin": "telegram"}
    about = {"version": SECOND, "title": "deploy of 2222222"}
    return PastDeploy(host_name=host_name, begun_at=at, outcome=outcome, **{**values, **about, **changed})


def old(host_name: str = A, role: str = "web") -> RoleStatus:
    return RoleStatus(host_name=host_name, role_name=role, container=a_container(1, FIRST, role=role), health=HEALTHY)


def new(host_name: str = A, role: str = "web") -> RoleStatus:
    container = a_container(2, SECOND, role=role, deploy="0bbb")
    return RoleStatus(host_name=host_name, role_name=role, container=container, health=HEALTHY)


def nothing(host_name: str = A, role: str = "web", **changed: Any) -> RoleStatus:
    return RoleStatus(host_name=host_name, role_name=role, container=None, health="nothing serves", **changed)


def seen(*roles: RoleStatus, entries: tuple[PastDeploy, ...] = (), holder: Holder | None = None) -> Seen:
    """Hosts that have both releases."""
    names = dict.fromkeys(role.host_name for role in roles)
    releases = (a_release(1), a_release(2, SECOND, replaces=1))
    return Seen(
        past=entries,
        releases={name: a_host(host_name=name, releases=releases) for name in names},
        hosts=tuple(
            HostStatus(host_name=name, at=LATER, holder=holder, roles=tuple(r for r in roles if r.host_name == name))
            for name in names
        ),
    )


UNFINISHED = (past("unfinished"),)
SINCE = past("deployed", at=LATER, deploy_id="0ccc", performer="ci", origin="https://ci.example/7")
EARLIER = past("deployed", at=BEGUN - timedelta(minutes=1), deploy_id="0999")


@pytest.mark.parametrize(
    ("found", "state", "labels"),
    [
        pytest.param(seen(old()), State.NOTHING, ["Try again"], id="no journal tells of it"),
        pytest.param(seen(old(), entries=(EARLIER,)), State.NOTHING, ["Try again"], id="only of an earlier one"),
        pytest.param(seen(old(), holder=CI), State.HELD, None, id="nothing yet, and somebody has the lock"),
        pytest.param(seen(new(), entries=(past("deployed"),)), State.WELL, ["Roll back", "Logs"], id="it ended well"),
        pytest.param(
            seen(new(), entries=(past("deployed"),), holder=CI),
            State.WELL,
            ["Roll back", "Logs"],
            id="it ended well, whoever has the lock",
        ),
        pytest.param(
            seen(new(), entries=(past("deployed"), SINCE)), State.WELL, ["Logs"], id="it ended well, and another since"
        ),
        pytest.param(
            seen(old(), entries=(past("failed"),)), State.BADLY, ["Try again", "Logs"], id="it failed, and took back"
        ),
        pytest.param(
            seen(old(), entries=(past("interrupted"),)), State.BADLY, ["Try again", "Logs"], id="it was interrupted"
        ),
        pytest.param(seen(old(), entries=UNFINISHED, holder=CI), State.HELD, None, id="somebody has the lock"),
        pytest.param(
            seen(old(), entries=(past("under way"),), holder=CI), State.HELD, None, id="who died may have it still"
        ),
        pytest.param(
            seen(old(), entries=(*UNFINISHED, SINCE)), State.OVERTAKEN, ["Try again", "Logs"], id="another one since"
        ),
        pytest.param(seen(old(), entries=UNFINISHED), State.OLD, ["Go on", "Logs"], id="nothing was swapped"),
        pytest.param(
            seen(old(A), old(B), entries=(past("unfinished", B),)), State.OLD, ["Go on", "Logs"], id="begun on one host"
        ),
        pytest.param(
            seen(new(A), old(B), entries=(past("unfinished", A), past("unfinished", B))),
            State.MIXED,
            ["Go on", "Roll back", "Logs"],
            id="one host has swapped",
        ),
        pytest.param(
            seen(new(role="web"), old(role="jobs"), entries=UNFINISHED),
            State.MIXED,
            ["Go on", "Roll back", "Logs"],
            id="one role has swapped",
        ),
        pytest.param(
            seen(nothing(), entries=UNFINISHED),
            State.MIXED,
            ["Go on", "Roll back", "Logs"],
            id="the old one is stopped",
        ),
        pytest.param(
            seen(old(role="web"), nothing(role="jobs", expected=False), entries=UNFINISHED),
            State.OLD,
            ["Go on", "Logs"],
            id="a role that was to come is not there yet",
        ),
        pytest.param(
            seen(new(A), new(B), entries=(past("deployed", A), past("unfinished", B))),
            State.NEW,
            ["Go on", "Roll back", "Logs"],
            id="all have swapped",
        ),
    ],
)
def test_what_is_found_decides_what_is_said_and_offered(found: Seen, state: State, labels: list[str] | None) -> None:
    after = aftermath(a_request(), found)

    assert after.state is state
    if labels is not None:
        buttons = [button for row in recovery.found(a_request(), after).buttons for button in row]
        assert [button.label for button in buttons] == labels


def test_a_restart_brings_containers_and_no_release() -> None:
    restart = a_request(Verb.RESTART, release=1)
    restarted = replace(old(), container=a_container(1, FIRST, deploy="0bbb"))

    before, after = (aftermath(restart, seen(role, entries=UNFINISHED)) for role in (old(), restarted))

    assert (before.state, after.state) == (State.OLD, State.NEW)
    assert after.back_to is None


def test_a_restart_of_one_role_tells_of_that_one() -> None:
    command = Command(verb=Verb.RESTART, environment="production", role="web")

    after = aftermath(a_request(command=command, release=1), seen(old(), old(role="jobs"), entries=UNFINISHED))

    assert [row.role.role_name for row in after.rows] == ["web"]


def test_a_rollback_is_gone_on_with_to_where_it_went() -> None:
    asked = Command(verb=Verb.ROLLBACK, environment="production", leaving=2)
    rollback = a_request(command=asked, release=1)

    assert recovery.to_go_on(rollback) == replace(asked, leaving=None, release=1)
    assert aftermath(rollback, seen(new(A), old(B), entries=UNFINISHED)).back_to is None


def test_one_way_back_is_offered_only_if_it_is_the_same_everywhere() -> None:
    found = seen(new(A), old(B), entries=UNFINISHED)
    elsewhere = a_host(host_name=B, releases=(a_release(2, SECOND, replaces=9),))

    assert aftermath(a_request(), found).back_to == 1
    assert aftermath(a_request(), replace(found, releases={**found.releases, B: elsewhere})).back_to is None


def test_what_serves_where_is_said() -> None:
    after = aftermath(a_request(abort_by="Bob"), seen(new(A), old(B), entries=UNFINISHED))

    assert recovery.found(a_request(abort_by="Bob"), after).text.splitlines() == [
        "⚠️ <b>deploy of 2222222 in production</b>: opsbot was killed, or cut off, while it was at it. "
        "It was left in the middle. What serves now:",
        "• web on a.example: release 2 of 2222222, new, healthy",
        "• web on b.example: release 1 of 1111111, healthy",
        "Bob had aborted it.",
    ]


def test_what_was_done_since_is_said() -> None:
    after = aftermath(a_request(), seen(old(), entries=(*UNFINISHED, SINCE)))

    assert recovery.found(a_request(), after).text.splitlines()[-1] == "Since then: deploy of 2222222 by ci, deployed."


def test_while_it_is_not_known_it_says_why() -> None:
    after = aftermath(a_request(), seen(old(), entries=UNFINISHED, holder=CI))
    assert after.holder

    assert recovery.looking(a_request(), recovery.held(after.holder)).text.splitlines() == [
        "🔎 <b>deploy of 2222222 in production</b>: opsbot was killed, or cut off, while it was at it. "
        "Looking what is true now …",
        "Not known yet: ci has the lock, for deploy of 3333333.",
    ]


def test_who_never_finds_out_says_so_and_looks_again_when_asked() -> None:
    page = recovery.unknown(a_request(), "a.example: no answer within 10 s")

    assert page.text.splitlines()[1] == "a.example: no answer within 10 s"
    assert [button.label for button in page.buttons[0]] == ["Look again"]


def test_nothing_is_said_of_roles_where_nothing_was_begun() -> None:
    assert recovery.found(a_request(), Aftermath(state=State.NOTHING)).text == (
        "🚫 <b>deploy of 2222222 in production</b>: opsbot was killed, or cut off, while it was at it. "
        "It had begun nothing, so nothing was done."
    )
