"""What is told of problems, and when: looks at one environment, minute after minute."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from opsbot.alerts import UNTIL_ENDED, Alert, Changes, Incident, incidents_of, step
from opsbot.views.watch import alert_text, replaced, told
from opsbot.watching import Kind, Look, Memory, Problem
from tests.unit.nouns import BEGUN, A, B

MINUTE = timedelta(minutes=1)


def down(role_name: str = "web", host_name: str = A, text: str = "is down: nothing serves") -> Problem:
    return Problem(environment="production", kind=Kind.DOWN, host_name=host_name, role_name=role_name, text=text)


def gone(host_name: str = A) -> Problem:
    return Problem(environment="production", kind=Kind.UNREACHABLE, host_name=host_name, text="cannot be looked at")


def a_look(*problems: Problem, unseen: Iterable[str] = (), deploying: bool = False) -> Look:
    return Look(problems=problems, unseen_hosts=frozenset(unseen), is_deploying=deploying, memory=Memory())


class Watch:
    """Looks once a minute, and keeps what is to be known."""

    def __init__(self) -> None:
        self.now = BEGUN
        self.known: tuple[Alert, ...] = ()

    def sees(self, *problems: Problem, unseen: Iterable[str] = (), deploying: bool = False) -> str:
        """What becomes of messages: "new web", "ended web"."""
        self.now += MINUTE
        changes = step(self.known, a_look(*problems, unseen=unseen, deploying=deploying), self.now)
        self.known = changes.known
        return ", ".join(_told(changes))

    def mute(self, until: datetime) -> None:
        self.known = tuple(replace(alert, muted_until=until, muted_by="Bob") for alert in self.known)

    def acknowledge(self, who: str) -> None:
        self.known = tuple(replace(alert, acknowledged_by=who) for alert in self.known)

    @property
    def incident(self) -> Incident:
        (incident,) = incidents_of(self.known).values()
        return incident

    @property
    def text(self) -> str:
        return alert_text(self.incident, self.now)


def _told(changes: Changes) -> Iterable[str]:
    for name in ("new", "updated", "ended", "replaced"):
        for incident in getattr(changes, name):
            yield f"{name} {'+'.join(alert.role_name or alert.host_name for alert in incident.alerts)}"


WEB, WORKER = down("web"), down("worker")
CHANGED = down("web", text="is down: paused")


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        pytest.param([[WEB], []], ["", ""], id="one lost packet is no problem"),
        pytest.param([[WEB], [], [WEB], []], ["", "", "", ""], id="nor are two with a good look between"),
        pytest.param([[WEB], [WEB], [WEB]], ["", "new web", ""], id="what lasts is told once"),
        pytest.param([[WEB], [WEB], [CHANGED]], ["", "new web", "updated web"], id="new words are an edit"),
        pytest.param([[WEB], [WEB], [], [WEB]], ["", "new web", "", ""], id="one good look is no end"),
        pytest.param([[WEB], [WEB], [], [], []], ["", "new web", "", "ended web", ""], id="two are"),
        pytest.param(
            [[WEB], [WEB], [], [], [WEB], [WEB]],
            ["", "new web", "", "ended web", "", "new web"],
            id="what comes back is told anew",
        ),
        pytest.param([[WEB, WORKER], [WEB, WORKER]], ["", "new web+worker"], id="what comes together is one message"),
        pytest.param(
            [[WEB], [WEB, WORKER], [WEB, WORKER]], ["", "new web", "new worker"], id="what comes later is another"
        ),
        pytest.param(
            [[WEB, WORKER], [WEB, WORKER], [WEB], [WEB], [], []],
            ["", "new web+worker", "", "updated web+worker", "", "ended web+worker"],
            id="a message ends with the last of its problems",
        ),
        pytest.param(
            [[WEB, WORKER], [WEB, WORKER], [WEB], [WEB], [WEB, WORKER], [WEB, WORKER]],
            ["", "new web+worker", "", "updated web+worker", "", "new worker, updated web"],
            id="one that comes back while the others last leaves their message",
        ),
    ],
)
def test_problems_are_told(looks: list[list[Problem]], expected: list[str]) -> None:
    watch = Watch()

    assert [watch.sees(*problems) for problems in looks] == expected


def test_a_host_that_dies_swallows_its_roles_and_keeps_what_was_told_of_them() -> None:
    watch = Watch()
    told = [watch.sees(WEB), watch.sees(WEB, WORKER)]
    told += [watch.sees(gone(), unseen=[A]) for _ in range(3)]
    told += [watch.sees(WORKER), watch.sees(), watch.sees()]

    assert told == ["", "new web", "", "new a.example", "", "", "ended a.example, ended web", ""]


def test_a_deploy_neither_ends_nor_begins_what_is_told_of_roles() -> None:
    watch = Watch()
    told = [watch.sees(WEB), watch.sees(WEB, WORKER)]
    told += [watch.sees(deploying=True) for _ in range(3)]
    told += [watch.sees(WEB, WORKER), watch.sees(WEB)]

    assert told == ["", "new web", "", "", "", "", ""]


def test_another_host_that_is_down_too_is_told_of_by_itself() -> None:
    watch = Watch()
    told = [watch.sees(gone(), unseen=[A]) for _ in range(2)]
    told += [watch.sees(gone(), gone(B), unseen=[A, B]) for _ in range(2)]

    assert told == ["", "new a.example", "", "new b.example"]


def test_while_it_is_muted_what_comes_and_goes_stays_in_its_message() -> None:
    watch = Watch()
    told = [watch.sees(WEB), watch.sees(WEB)]
    watch.mute(watch.now + 60 * MINUTE)
    told += [watch.sees(), watch.sees(), watch.sees(WEB), watch.sees(WEB)]

    assert told == ["", "new web", "", "ended web", "", "updated web"]


def test_when_its_mute_is_over_what_lasts_is_told_anew() -> None:
    watch = Watch()
    watch.sees(WEB)
    watch.sees(WEB)
    watch.mute(watch.now + 2 * MINUTE)

    assert [watch.sees(WEB), watch.sees(WEB), watch.sees(WEB)] == ["", "new web, replaced web", ""]
    assert watch.incident.alerts[0].since == BEGUN + MINUTE


def test_muted_until_it_ends_it_is_told_anew_only_after_its_end() -> None:
    watch = Watch()
    watch.sees(WEB)
    watch.sees(WEB)
    watch.mute(UNTIL_ENDED)

    told = [watch.sees(*problems) for problems in ([WEB], [], [], [WEB], [WEB])]

    assert told == ["", "", "ended web", "", "new web"]


def test_who_acknowledged_it_is_forgotten_with_it() -> None:
    watch = Watch()
    watch.sees(WEB)
    watch.sees(WEB)
    watch.acknowledge("Ann")
    watch.sees(CHANGED)
    assert watch.incident.alerts[0].acknowledged_by == "Ann"

    for problems in ([], [], [WEB], [WEB]):
        watch.sees(*problems)

    assert watch.incident.alerts[0].acknowledged_by == ""


def test_what_is_over_is_not_kept() -> None:
    watch = Watch()
    for problems in ([WEB], [WEB], [], [], []):
        watch.sees(*problems)

    assert watch.known == ()


def test_a_message_shows_what_is_wrong_since_when_and_who_is_at_it() -> None:
    watch = Watch()
    watch.sees(down(text="is not well: <html>"), gone(B))
    watch.sees(down(text="is not well: <html>"), gone(B))
    assert watch.text.splitlines() == [
        "🔴 <b>production</b>: 2 problems",
        "• <b>web</b> on a.example is not well: &lt;html&gt; (since 12:01 UTC)",
        "• <b>b.example</b> cannot be looked at (since 12:01 UTC)",
    ]

    watch.sees(gone(B))
    watch.sees(gone(B))
    watch.acknowledge("Ann & Bob")
    watch.mute(watch.now + 60 * MINUTE)
    assert watch.text.splitlines() == [
        "🔴 <b>production</b>: 1 problem",
        "• <b>b.example</b> cannot be looked at (since 12:01 UTC)",
        "✅ <s><b>web</b> on a.example is not well: &lt;html&gt;</s> (from 12:01 UTC, for 3 min)",
        "👀 Ann &amp; Bob is at it",
        "🔕 muted by Bob until 13:04 UTC",
    ]

    watch.mute(UNTIL_ENDED)
    assert watch.text.endswith("\n🔕 muted by Bob until it ends")
    watch.sees()
    watch.sees()
    assert watch.text.splitlines() == [
        "🟢 <b>production</b>: over",
        "✅ <s><b>web</b> on a.example is not well: &lt;html&gt;</s> (from 12:01 UTC, for 3 min)",
        "✅ <s><b>b.example</b> cannot be looked at</s> (from 12:01 UTC, for 5 min)",
    ]
    assert replaced(watch.incident).text == "⚪ <b>production</b>: this goes on in a newer message"


def test_a_day_later_a_message_shows_the_day() -> None:
    watch = Watch()
    watch.sees(WEB)
    watch.sees(WEB)

    assert "(since Mar 01, 12:01 UTC)" in alert_text(watch.incident, watch.now + timedelta(days=1))


def test_a_message_fits_however_much_is_wrong() -> None:
    watch = Watch()
    problems = [down(f"worker-{number:02}", text="is not well: " + "𝄞" * 500) for number in range(40)]
    watch.sees(*problems)
    watch.sees(*problems)

    assert len(watch.text.encode("utf-16-le")) // 2 <= 4096
    assert watch.text.splitlines()[-1] == "… and 30 more"


def labels(watch: Watch) -> list[str]:
    return [button.label for row in told(watch.incident, 7, watch.now).buttons for button in row]


def test_an_alert_has_the_buttons_that_are_of_use() -> None:
    watch = Watch()
    watch.sees(WEB)
    watch.sees(WEB)
    assert labels(watch) == ["👀 I am at it", "🔕 1 h", "🔕 Until it ends"]
    assert {button.about for row in told(watch.incident, 7, watch.now).buttons for button in row} == {
        "7",
        "7.hour",
        "7.end",
    }

    watch.acknowledge("Ann")
    watch.mute(watch.now + MINUTE)
    assert labels(watch) == ["🔔 Unmute"]
    watch.sees(WEB)
    watch.sees()
    watch.sees()
    assert labels(watch) == []
