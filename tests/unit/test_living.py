"""The one message that lives during a deploy, compared as whole texts."""

import re
from datetime import datetime, timedelta

import pytest

from shipper.events import Ended, Event, StepFailed, StepFinished, StepProgressed, StepStarted, StepUndone, Warned
from shipper.model.observed import Serving
from shipper.model.outcome import Deployed, Outcome, Restarted, Unchanged
from shipper.notify.living import Living
from shipper.notify.telegram_text import LONGEST
from shipper.planning.facts import Facts
from tests.fakes.telegram.entities import parsed
from tests.unit.nouns import BEGUN, SECOND, A, B, a_container, a_facts, a_failure, a_release

DEPLOYED = Deployed(release=a_release(2, SECOND), seconds=14.4)


def started(step: str, host: str = A, role: str = "web") -> Event:
    return StepStarted(step=step, host_name=host, role_name=role, because="it serves nothing yet")


def finished(step: str, host: str = A, role: str = "web", seconds: float = 1.0) -> Event:
    return StepFinished(step=step, host_name=host, role_name=role, seconds=seconds, detail="all is well")


def failed(step: str, host: str = A, role: str = "web") -> Event:
    return StepFailed(step=step, host_name=host, role_name=role, seconds=30.2, reason="shop-web-r2 did not pass")


def progressed(step: str, unit: str, detail: str, host: str = A, role: str = "web") -> Event:
    return StepProgressed(step=step, host_name=host, role_name=role, done=42_000_000, total=0, unit=unit, detail=detail)


def ended(outcome: Outcome) -> Event:
    return Ended(service="shop", outcome=outcome)


def at(seconds: float) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


def living(*events: Event, facts: Facts | None = None) -> Living:
    """One event each second."""
    made = Living(facts=facts or a_facts(), begun_at=BEGUN)
    for second, event in enumerate(events, start=1):
        made = made.after(event, at(second))
    return made


def shown(made: Living, seconds: float) -> str:
    """As people read it; Telegram understands it, and takes its length."""
    text = parsed(made.text(at(seconds)), "HTML")
    assert text.length <= LONGEST
    return text.plain


def test_it_begins_with_who_does_what_from_where() -> None:
    assert living().text(at(0)) == (
        "⏳ <b>shop: deploy of 2222222, 0.0 s</b>\n"
        "Release 1 of 1111111 → 2 of 2222222\n"
        "By ann@laptop, from terminal"
    )
    first = a_facts(replaces=None, replaces_version="", destination="staging", origin="https://ci.example/runs/1?a=b&c")
    assert living(facts=first).text(at(75)) == (
        "⏳ <b>shop-staging: deploy of 2222222, 1 min 15 s</b>\n"
        'By ann@laptop, from <a href="https://ci.example/runs/1?a=b&amp;c">CI</a>'
    )
    by_bot = a_facts(performer="ann (Telegram)", origin="telegram")
    assert living(facts=by_bot).text(at(0)).endswith("\nBy ann (Telegram)")


def test_each_host_and_role_has_a_line_with_its_step_and_its_time() -> None:
    made = living(
        Warned(text="The working folder has uncommitted changes."),
        started("build", "here", ""),
        finished("build", "here", "", seconds=61.5),
        started("ship", B, ""),
        progressed("ship", "bytes", "of 84.0 MB", B, ""),
        started("check"),
        progressed("check", "probes", "GET /up → <500>"),
    )

    assert made.text(at(18)) == (
        "⏳ <b>shop: deploy of 2222222, 18 s</b>\n"
        "Release 1 of 1111111 → 2 of 2222222\n"
        "By ann@laptop, from terminal\n"
        "\n"
        "✅ here: build, 1 min 1 s\n"
        "⏳ b.example: ship, 14 s: 42.0 MB sent of 84.0 MB\n"
        "⏳ a.example web: check, 12 s: GET /up → &lt;500&gt;\n"
        "\n"
        "⚠️ The working folder has uncommitted changes."
    )


def test_success_ends_with_what_serves_and_how_long_each_took() -> None:
    made = living(
        started("start"), finished("start"), started("check"), finished("check", seconds=3.2), ended(DEPLOYED)
    )

    assert (made.is_over, made.has_failed, made.outcome) == (True, False, DEPLOYED)
    assert made.text(at(99)) == (
        "✅ <b>shop: release 2 of 2222222 serves, after 14.4 s.</b>\n"
        "Release 1 of 1111111 → 2 of 2222222\n"
        "By ann@laptop, from terminal\n"
        "\n"
        "✅ a.example web, 4.2 s"
    )


def test_failure_ends_with_the_step_the_reason_the_last_lines_what_serves_and_what_to_do() -> None:
    serving = tuple(Serving(host_name=host, role_name="web", container=a_container()) for host in (A, B))
    outcome = a_failure(serving=serving, logs=("listening on 8080", "\x1b[31mTypeError: a < b\x1b[0m"))
    made = living(
        started("check"),
        started("start", B),
        finished("start", B),
        failed("check"),
        StepUndone(step="start", host_name=B, role_name="web", detail="shop-web-r1 serves again"),
        StepUndone(step="start", host_name=A, role_name="web", detail="shop-web-r1 serves again"),
        started("post-failure", "here", ""),
        finished("post-failure", "here", ""),
        ended(outcome),
    )

    assert made.has_failed
    assert made.text(at(99)) == (
        "❌ <b>shop: failed at check web on a.example.</b>\n"
        "Release 1 of 1111111 → 2 of 2222222\n"
        "By ann@laptop, from terminal\n"
        "Reason: shop-web-r2-0bbb did not pass its gate\n"
        "<pre>listening on 8080\n"
        "TypeError: a &lt; b</pre>\n"
        "What served before serves now.\n"
        "• web on a.example: release 1 of 1111111\n"
        "• web on b.example: release 1 of 1111111\n"
        "Next: shipper logs --role web --release 2 shows all that it wrote.\n"
        "\n"
        "❌ a.example web: check, 30 s\n"
        "↩️ b.example web: start, 1.0 s: shop-web-r1 serves again\n"
        "✅ here, 1.0 s"
    )
    assert made.alarm() == (
        "❌ <b>shop: failed at check web on a.example.</b>\n"
        "Reason: shop-web-r2-0bbb did not pass its gate\n"
        "What served before serves now.\n"
        "• web on a.example: release 1 of 1111111\n"
        "• web on b.example: release 1 of 1111111\n"
        "Next: shipper logs --role web --release 2 shows all that it wrote."
    )


def test_a_step_that_failed_says_why_at_once() -> None:
    assert "❌ a.example web: check, 30 s: shop-web-r2 did not pass" in living(started("check"), failed("check")).text(
        at(9)
    )


def test_what_came_to_no_outcome_says_so() -> None:
    made = living(started("check")).broken("The lock was lost.")

    assert (made.is_over, made.has_failed, made.outcome) == (True, True, None)
    assert made.text(at(3)) == (
        "❌ <b>shop: deploy of 2222222 failed.</b>\n"
        "Release 1 of 1111111 → 2 of 2222222\n"
        "By ann@laptop, from terminal\n"
        "Reason: The lock was lost.\n"
        "shipper status shows what serves now.\n"
        "\n"
        "⏳ a.example web: check, 2.0 s"
    )


@pytest.mark.parametrize(
    ("outcome", "title"),
    [
        (Unchanged(release=a_release(2, SECOND)), "✅ shop: release 2 of 2222222 serves already; nothing was done."),
        (
            Restarted(role_names=("web",), releases=(a_release(1),), seconds=3.0),
            "✅ shop: web restarted: release 1 of 1111111 serves, after 3.0 s.",
        ),
        (a_failure(error_code=130), "❌ shop: interrupted at check web on a.example."),
    ],
)
def test_the_title_is_the_outcome(outcome: Outcome, title: str) -> None:
    text = shown(living(ended(outcome)), 9)
    assert text.splitlines()[0] == title
    assert "Reason" not in text


def test_of_many_hosts_those_that_need_a_look_are_shown_and_the_others_counted() -> None:
    hosts = [f"app-{number:03}.eu-central-1.example" for number in range(300)]
    events = [event for host in hosts[:-3] for event in (started("swap", host), finished("swap", host))]
    made = living(*events, *(started("check", host) for host in hosts[-3:]), failed("check", hosts[-1]))
    lines = shown(made, 700).splitlines()

    assert [line for line in lines if line.startswith("❌")] == [
        f"❌ {hosts[-1]} web: check, 30 s: shop-web-r2 did not pass"
    ]
    assert len([line for line in lines if line.startswith("⏳ app-")]) == 2
    assert lines[-1] == "… and 270 more: 270 ✅"


def test_however_much_there_is_to_say_it_is_one_message_with_the_last_lines_and_the_next_command() -> None:
    serving = tuple(
        Serving(host_name=f"host-{number:03}.{'x' * 90}", role_name="web", container=a_container())
        for number in range(100)
    )
    logs = tuple(f"{number} <&> {'😀' * 500}" for number in range(20))
    outcome = a_failure(serving=serving, logs=logs, reason="<&>" * 5000, next="shipper status. " * 300)
    hosts = [f"host-{number:03}.{'y' * 200}" for number in range(200)]
    warnings = [Warned(text=f"{number} & {'w' * 900}") for number in range(50)]
    events = [event for host in hosts for event in (started("check", host), failed("check", host))]
    made = living(*warnings, *events, ended(outcome), facts=a_facts(performer="p" * 999, origin="o" * 999))

    text = shown(made, 500)

    assert re.search(r"^19 <&> 😀+…$", text, re.MULTILINE)
    assert "Next: shipper status." in text
    assert "• … and " in text
    assert re.search(r"^… and \d+ more: \d+ ❌$", text, re.MULTILINE)
    assert re.search(r"^⚠️ \d+ more before:$", text, re.MULTILINE)
    assert parsed(made.alarm(), "HTML").length <= LONGEST
