import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from shipper.events import (
    Called,
    Connected,
    Ended,
    Event,
    Output,
    Planned,
    Pushed,
    StepFailed,
    StepFinished,
    StepProgressed,
    StepStarted,
    StepUndone,
    Warned,
    as_json,
)
from shipper.model.observed import Serving
from shipper.model.outcome import Deployed, Outcome, Restarted, Started, Stopped, Unchanged
from shipper.reporters.jsonlines import JsonReporter
from shipper.reporters.plain import PlainReporter
from shipper.reporters.printable import printable
from shipper.reporters.terminal import TerminalReporter
from shipper.reporters.words import ago, outcome_lines
from tests.unit.nouns import FIRST, SECOND, A, B, a_container, a_facts, a_failure, a_release

WEB: dict[str, Any] = {"host_name": A, "role_name": "web"}
SERVING = (
    Serving(host_name=A, role_name="web", container=a_container(1, FIRST)),
    Serving(host_name=B, role_name="bot", container=None),
)
FAILED = a_failure(logs=("starting", "no database"), serving=SERVING)
STOPPED = Stopped(role_names=("web", "cron"), seconds=4.25)
EVENTS: list[Event] = [
    Warned(text="The working folder has changes."),
    Connected(host_name=A, seconds=0.126),
    Called(host_name=A, call="GET /containers/json", seconds=0.0015),
    Planned(
        service="shop",
        lines=("shop: release 2 of 2222222", "proven in staging", "a.example  web  start    shop-web-r2-0bbb"),
        facts=a_facts(),
        proof="proven in staging",
    ),
    StepStarted(step="build", host_name="here", role_name="", because="this commit has no image yet"),
    Output(step="build", line="Step 1/2 : FROM scratch"),
    StepProgressed(
        step="build", host_name="here", role_name="", done=0, total=0, unit="line", detail="Step 2/2 : COPY . /"
    ),
    StepFinished(step="build", host_name="here", role_name="", seconds=3.004, detail="2 layers, 4.2 MB"),
    StepStarted(step="start", because="", **WEB),
    StepFinished(step="start", seconds=0.2, **WEB),
    StepStarted(step="check", because="", **WEB),
    StepProgressed(step="check", done=1, total=0, unit="probes", detail="GET /up → 500", **WEB),
    StepFailed(step="check", seconds=30.0, reason="did not pass its gate", **WEB),
    StepUndone(step="start", detail="stopped shop-web-r2-0bbb", **WEB),
    Ended(service="shop", outcome=FAILED),
]

PUSHED = Pushed(image_name=f"shop:{FIRST}", digest="sha256:d1", places=(A, B), reached=(B,))


def plain_lines(events: list[Event], *, verbose: bool = False) -> list[str]:
    lines: list[str] = []
    reporter = PlainReporter(lines.append, verbose=verbose)
    for event in events:
        reporter(event)
    return lines


def json_lines(events: list[Event], *, verbose: bool = False) -> list[dict[str, Any]]:
    lines: list[str] = []
    reporter = JsonReporter(lines.append, verbose=verbose)
    for event in events:
        reporter(event)
    return [json.loads(line) for line in lines]


def timeless(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != "at"}


def test_plain_lines_tell_the_story() -> None:
    assert plain_lines(EVENTS) == [
        "warning: The working folder has changes.",
        "a.example: connected  (0.13 s)",
        "shop: release 2 of 2222222",
        "proven in staging",
        "a.example  web  start    shop-web-r2-0bbb",
        "here: build …",
        "  | Step 1/2 : FROM scratch",
        "  | Step 2/2 : COPY . /",
        "here: build done: 2 layers, 4.2 MB  (3.00 s)",
        "a.example web: start …",
        "a.example web: start done  (0.20 s)",
        "a.example web: check …",
        "a.example web: check FAILED: did not pass its gate  (30.00 s)",
        "a.example web: start taken back: stopped shop-web-r2-0bbb",
        *outcome_lines("shop", FAILED),
    ]


def test_plain_lines_show_each_call_only_when_one_wants_to_know_more() -> None:
    events: list[Event] = [event for event in EVENTS if not isinstance(event, Ended)]

    assert set(plain_lines(events, verbose=True)) - set(plain_lines(events)) == {
        "      1.5 ms  a.example  GET /containers/json"
    }


def test_json_lines_carry_all_that_an_event_knows() -> None:
    assert [timeless(line) for line in json_lines(EVENTS[1:5])] == [
        {"event": "connected", "host_name": A, "seconds": 0.126},
        {
            "event": "planned",
            "service": "shop",
            "lines": list(EVENTS[3].lines),  # type: ignore[union-attr]  # Planned
            "facts": as_json(a_facts()),
            "is_empty": False,
            "proof": "proven in staging",
        },
        {
            "event": "step_started",
            "step": "build",
            "host_name": "here",
            "role_name": "",
            "because": "this commit has no image yet",
        },
    ]


def test_each_event_but_a_call_is_one_line_of_json() -> None:
    assert [line["event"] for line in json_lines(EVENTS)] == [
        "warned",
        "connected",
        "planned",
        "step_started",
        "output",
        "step_progressed",
        "step_finished",
        "step_started",
        "step_finished",
        "step_started",
        "step_progressed",
        "step_failed",
        "step_undone",
        "ended",
    ]


def test_json_lines_show_each_call_when_one_wants_to_know_more() -> None:
    (line,) = json_lines([EVENTS[2]], verbose=True)
    assert timeless(line) == {
        "event": "called",
        "host_name": A,
        "call": "GET /containers/json",
        "seconds": 0.0015,
    }


def test_json_lines_say_when_in_utc() -> None:
    (line,) = json_lines([EVENTS[0]])
    assert datetime.fromisoformat(line["at"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Deployed(release=a_release(2, SECOND), seconds=4.25), {"kind": "deployed", "exit_code": 0, "seconds": 4.25}),
        (Unchanged(release=a_release(2, SECOND)), {"kind": "unchanged", "exit_code": 0}),
        (STOPPED, {"kind": "stopped", "exit_code": 0, "role_names": ["web", "cron"], "seconds": 4.25}),
        (FAILED, {"kind": "failed", "exit_code": 20, "restored": True, "logs": ["starting", "no database"]}),
        (a_failure(restored=False), {"kind": "failed", "exit_code": 21, "restored": False}),
        (a_failure(restored=None), {"kind": "failed", "exit_code": 21, "restored": None}),
        (a_failure(error_code=6), {"kind": "failed", "exit_code": 6, "restored": True}),
        (a_failure(error_code=130), {"kind": "failed", "exit_code": 130, "restored": True}),
    ],
)
def test_the_last_json_line_carries_the_outcome_with_its_kind_and_exit_code(
    outcome: Outcome, expected: dict[str, Any]
) -> None:
    (line,) = json_lines([Ended(service="shop", outcome=outcome)])
    assert line["outcome"] | expected == line["outcome"]


def test_the_release_of_an_outcome_is_in_json_but_for_what_is_for_the_server_only() -> None:
    (line,) = json_lines([Ended(service="shop", outcome=Unchanged(release=a_release(2, SECOND, replaces=1)))])
    assert line["outcome"]["release"] == {
        "number": 2,
        "version": SECOND,
        "image": f"shop:{SECOND}",
        "image_id": f"sha256:{SECOND}",
        "config_hash": "c0ffee",
        "replaces": 1,
        "performer": "ann@laptop",
        "origin": "",
        "irreversible": "",
        "begun_at": "2026-03-01T12:00:00.000+00:00",
        "outcome": "deployed",
    }


def test_what_is_for_the_server_only_is_in_no_event_that_a_program_prints() -> None:
    release = a_release(env_hash="0123abcd", env_salt="of the sea", version=SECOND)
    printed = repr(Ended(service="shop", outcome=Unchanged(release=release)))
    assert SECOND in printed
    assert not any(private in printed for private in ("0123abcd", "of the sea", "env_hash", "env_salt"))


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (
            Deployed(release=a_release(2, SECOND), seconds=4.25),
            ["shop: release 2 of 2222222 serves, after 4.2 s."],
        ),
        (
            Unchanged(release=a_release(2, "v1.2")),
            ["shop: release 2 of v1.2 serves already; nothing was done."],
        ),
        (
            Restarted(role_names=("web",), releases=(a_release(2, SECOND),), seconds=4.25),
            ["shop: web restarted: release 2 of 2222222 serves, after 4.2 s."],
        ),
        (
            Started(role_names=("web", "cron"), releases=(a_release(2, SECOND), a_release(1, FIRST)), seconds=4.25),
            ["shop: web and cron started: release 2 of 2222222 and release 1 of 1111111 serve, after 4.2 s."],
        ),
        (STOPPED, ["shop: web and cron stopped, after 4.2 s. `shipper start` starts it again."]),
        (
            Stopped(role_names=(), seconds=0.0),
            ["shop: nothing runs that could be stopped; nothing was done."],
        ),
        (
            FAILED,
            [
                "shop: failed at check web on a.example.",
                "Reason: shop-web-r2-0bbb did not pass its gate",
                "Its last lines:",
                "  | starting",
                "  | no database",
                "What served before serves now.",
                "  web on a.example: release 1 of 1111111",
                "  bot on b.example: nothing serves",
                "Next: shipper logs --role web --release 2 shows all that it wrote.",
            ],
        ),
        (
            a_failure(restored=False, next="shipper status shows what runs."),
            [
                "shop: failed at check web on a.example.",
                "Reason: shop-web-r2-0bbb did not pass its gate",
                "WHAT SERVED BEFORE DOES NOT SERVE NOW!",
                "Next: shipper status shows what runs.",
            ],
        ),
        (
            a_failure(restored=None, next="shipper status shows what runs."),
            [
                "shop: failed at check web on a.example.",
                "Reason: shop-web-r2-0bbb did not pass its gate",
                "What serves now is not known.",
                "Next: shipper status shows what runs.",
            ],
        ),
        (
            a_failure(error_code=130, next="The same command again goes on."),
            [
                "shop: interrupted at check web on a.example.",
                "Nothing served before, and nothing does now.",
                "Next: The same command again goes on.",
            ],
        ),
    ],
)
def test_an_outcome_says_what_happened_what_is_true_now_and_what_to_do(outcome: Outcome, expected: list[str]) -> None:
    assert list(outcome_lines("shop", outcome)) == expected


def test_what_is_not_for_a_terminal_has_no_escape_codes() -> None:
    assert "\x1b" not in "".join(plain_lines(EVENTS, verbose=True) + list(map(json.dumps, json_lines(EVENTS))))


def test_a_terminal_tells_the_proof_and_ends_with_what_each_role_did_and_the_outcome() -> None:
    shown = on_terminal(EVENTS)
    assert "proven in staging\n" in shown
    assert [line in shown for line in outcome_lines("shop", FAILED)] == [True] * 9


def test_what_failed_stays_so_on_a_terminal_though_a_hook_reported_it_well() -> None:
    failed = StepFailed(step="pre-deploy", host_name="here", role_name="", seconds=0.1, reason="exit code 1")
    reported = StepFinished(step="post-failure", host_name="here", role_name="", seconds=0.1)
    shown = on_terminal([failed, reported, Ended(service="shop", outcome=FAILED)])
    assert "✗  here" in shown
    assert "✓" not in shown


def test_a_terminal_ends_with_what_a_push_did_and_where_the_image_is() -> None:
    shipped = StepFinished(step="ship", host_name=B, role_name="", seconds=0.2, detail="1 of 3 layers")
    shown = on_terminal([StepStarted(step="ship", host_name=B, role_name="", because=""), shipped, PUSHED])
    assert "ship: 1 of 3 layers" in shown
    assert shown.endswith("shop:1111111 is there: a.example, b.example. Its digest: sha256:d1\n")


def on_terminal(events: list[Event]) -> str:
    screen = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None, legacy_windows=False)
    with screen.capture() as captured, TerminalReporter(screen, verbose=False) as reporter:
        for event in events:
            reporter(event)
    return captured.get()


def test_a_terminal_shows_all_that_a_migration_writes_and_only_the_newest_line_of_a_build() -> None:
    lines = [
        StepProgressed(step=step, done=0, total=0, unit="line", detail=f"a line of {step}", **WEB)
        for step in ("build", "migrate")
    ]
    shown = on_terminal([*lines, Ended(service="shop", outcome=FAILED)])
    assert "  | a line of migrate" in shown
    assert "  | a line of build" not in shown


NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        (timedelta(0), "0 s ago"),
        (timedelta(seconds=-5), "0 s ago"),
        (timedelta(seconds=59.9), "59 s ago"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(hours=49), "2 d ago"),
    ],
)
def test_a_moment_is_told_in_its_largest_unit(passed: timedelta, expected: str) -> None:
    assert ago(NOON, NOON + passed) == expected


def test_a_moment_that_never_was_is_told_as_never() -> None:
    assert ago(None, NOON) == "never"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (PUSHED, "shop:1111111 is there: a.example, b.example. Its digest: sha256:d1"),
        (
            Pushed(image_name=f"me/shop:{FIRST}", digest="sha256:d2", places=("docker.io",), reached=()),
            "me/shop:1111111 is there already: docker.io; nothing was done. Its digest: sha256:d2",
        ),
    ],
)
def test_a_push_ends_with_where_the_image_is(event: Pushed, line: str) -> None:
    assert plain_lines([event]) == [line]


@pytest.mark.parametrize(("step", "way"), [("ship", "1.2 MB sent"), ("pull", "1.2 MB pulled")])
def test_progress_in_bytes_says_which_way_they_go(step: str, way: str) -> None:
    progress = StepProgressed(step=step, host_name=A, role_name="", done=1_200_000, total=0, unit="bytes")
    assert plain_lines([progress]) == [f"a.example: {step}: {way}"]


# What others wrote


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\tübér 🎉", "plain\tübér 🎉"),
        ("\x1b[1;31mred\x1b[0m \x1b[38:5:1mtoo\x1b[m", "\x1b[1;31mred\x1b[0m \x1b[38:5:1mtoo\x1b[m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b]52;c;cm0gLXJm\x1b\\", r"\x1b]52;c;cm0gLXJm\x1b" + "\\"),
        ("\x1b[2J\x1b[1A\x9b2K", r"\x1b[2J\x1b[1A\x9b2K"),
        ("true\rfalse\x08\0\x7f", r"true\x0dfalse\x08\x00\x7f"),
    ],
)
def test_nothing_that_others_wrote_commands_a_terminal_but_its_colours(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_what_an_app_wrote_last_commands_no_terminal() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=200, color_system="standard")
    with TerminalReporter(console, verbose=False) as report:
        report(Output(step="build", line="\x1b[32mgreen\x1b[0m\x1b]0;evil\x07"))
        report(Ended(service="shop", outcome=a_failure(reason="\x1b[1A", logs=("\x1b[2J",))))

    assert r"\x1b]0;evil\x07" in written.getvalue()
    assert "\x1b[2;32mgreen" in written.getvalue()
    assert r"Reason: \x1b[1A" in written.getvalue()
    assert r"  | \x1b[2J" in written.getvalue()
